/* Verbs that make names inside the root, and those on files of the host. */
#include <linux/bpf.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "native.h"

VERB(open) {
	int fd = open(TEXT(open_path), (int)NUMBER(open_flags) | O_CLOEXEC | O_NOCTTY, 0600);
	REGISTER(open_reg) = fd;
	return fd < 0 ? -1 : 0;
}

int write_file(const char *path, const void *data, size_t length) {
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, data, length);
	if (written >= 0 && written < (ssize_t)length)
		errno = EIO;
	return close_after(fd, written == (ssize_t)length ? 0 : -1);
}

VERB(write_file) {
	const struct argument *data = &a->args[write_file_data];
	return write_file(TEXT(write_file_path), data->text, data->length);
}

/* A name that is there already will do when it is the same thing: what lies outside /dev is kept from start to start. */
static bool is_there(int parent, const char *base, mode_t mode, dev_t device) {
	struct stat st;
	return S_ISDIR(mode) || (fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	                         (st.st_mode & S_IFMT) == (mode & S_IFMT) && st.st_rdev == device);
}

/* Makes one name, owned and with exactly that mode. */
static int make_node(struct run *run, const struct argument at[2], mode_t mode, dev_t device, const struct argument owner[2]) {
	char base[NAME_MAX + 1];
	int parent = parent_in(run->registers[at[0].number], at[1].text, base);
	if (parent < 0)
		return fail(run, "parent");
	mode_t mask = umask(0);
	int made = S_ISDIR(mode) ? mkdirat(parent, base, mode & 07777) : mknodat(parent, base, mode, device);
	umask(mask);
	if (made != 0 && !(errno == EEXIST && is_there(parent, base, mode, device)))
		return fail(run, S_ISDIR(mode) ? "mkdir" : "mknod");
	uid_t uid = (uid_t)owner[0].number;
	gid_t gid = (gid_t)owner[1].number;
	if (made == 0 && (uid != 0 || gid != 0) && fchownat(parent, base, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(run, "chown");
	/* mkdir drops the set-ID bits, chown those of files. SAFETY: in a volume another container may swap the name. */
	if (made == 0 && mode & 06000 && fchmodat(parent, base, mode & 07777, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(run, "chmod");
	return close_after(parent, 0);
}

VERB(mknod) {
	dev_t device = makedev((unsigned)NUMBER(mknod_major), (unsigned)NUMBER(mknod_minor));
	return make_node(run, &a->args[mknod_root], (mode_t)NUMBER(mknod_mode), device, &a->args[mknod_uid]);
}

VERB(mkdir) {
	return make_node(run, &a->args[mkdir_root], (mode_t)NUMBER(mkdir_mode) | S_IFDIR, 0, &a->args[mkdir_uid]);
}

VERB(symlink) {
	char base[NAME_MAX + 1];
	int parent = parent_in(REGISTER(symlink_root), TEXT(symlink_path), base);
	if (parent < 0)
		return fail(run, "parent");
	if (symlinkat(TEXT(symlink_target), parent, base) != 0 && errno != EEXIST)
		return -1;
	return close_after(parent, 0);
}

VERB(sysctl) {
	const struct argument *value = &a->args[sysctl_value];
	int sys = open_in(REGISTER(sysctl_root), "proc/sys", O_PATH | O_DIRECTORY);
	if (sys < 0)
		return fail(run, "open");
	if (!is_filesystem(sys, PROC_SUPER_MAGIC))
		return fail_with(run, "not procfs", EXDEV);
	int fd = open_beneath(sys, TEXT(sysctl_key), O_WRONLY);
	close(sys);
	if (fd < 0)
		return fail(run, "key");
	return close_after(fd, write(fd, value->text, value->length) == (ssize_t)value->length ? 0 : -1);
}

VERB(cgroup_make) {
	char *path = TEXT(cgroup_make_path);
	mode_t mode = (mode_t)NUMBER(cgroup_make_mode);
	if (run->cgroup_count == (int)(sizeof run->cgroups / sizeof *run->cgroups))
		return fail_with(run, "count", E2BIG);
	int made = mkdir(path, mode);
	for (char *slash = strchr(path + 1, '/'); made != 0 && errno == ENOENT && slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, mode); /* what is missing above; the last one tells of a failure */
		*slash = '/';
		made = mkdir(path, mode);
	}
	if (made != 0 && errno != EEXIST)
		return -1;
	run->cgroups[run->cgroup_count++] = path;
	return 0;
}

VERB(bpf_devices) {
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = LENGTH(bpf_devices_program) / 8,
		.insns = (uintptr_t)TEXT(bpf_devices_program),
		.license = (uintptr_t) "Apache",
	};
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
	if (program < 0)
		return fail(run, "load");
	union bpf_attr attach = {
		.target_fd = (uint32_t)REGISTER(bpf_devices_cgroup),
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) != 0)
		return fail(run, "attach");
	return close_after(program, 0);
}

VERB(netlink_socket) {
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)NUMBER(netlink_socket_family));
	REGISTER(netlink_socket_reg) = fd;
	return fd < 0 ? -1 : 0;
}

/* Reads acknowledgements until `wanted` have come. Returns 0, or -1 with the errno of the first that failed. */
static int acknowledged(int fd, int wanted) {
	_Alignas(struct nlmsghdr) char area[8192];
	while (wanted > 0) {
		ssize_t length = recv(fd, area, sizeof area, 0);
		if (length < 0)
			return -1;
		struct nlmsghdr *header = (struct nlmsghdr *)area;
		for (uint32_t left = (uint32_t)length; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
			if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
				continue;
			struct nlmsgerr *answer = NLMSG_DATA(header);
			wanted--;
			if (answer->error == 0)
				continue;
			errno = -answer->error;
			return -1;
		}
	}
	return 0;
}

VERB(netlink) {
	struct argument messages = a->args[netlink_messages], offsets = a->args[netlink_patch_offsets];
	int fd = REGISTER(netlink_socket), wanted = 0;
	uint64_t patch = NUMBER(netlink_patch_reg);
	for (uint32_t i = 0; i + 4 <= offsets.length; i += 4) {
		uint32_t offset;
		memcpy(&offset, offsets.text + i, 4);
		if (patch == NO_REGISTER || messages.length < 4 || offset > messages.length - 4)
			return fail_with(run, "patch", EBADMSG);
		memcpy(messages.text + offset, &run->registers[patch], 4);
	}
	for (uint32_t at = 0; at + sizeof(struct nlmsghdr) <= messages.length;) {
		struct nlmsghdr header;
		memcpy(&header, messages.text + at, sizeof header);
		if (header.nlmsg_len < sizeof header || header.nlmsg_len > messages.length - at)
			return fail_with(run, "message", EBADMSG);
		wanted += (header.nlmsg_flags & NLM_F_ACK) != 0;
		at += NLMSG_ALIGN(header.nlmsg_len);
	}
	if (send(fd, messages.text, messages.length, 0) != (ssize_t)messages.length)
		return fail(run, "send");
	return acknowledged(fd, wanted);
}

VERB(console) {
	int root = REGISTER(console_root), unlock = 0;
	int master = open_in(root, "dev/pts/ptmx", O_RDWR | O_NOCTTY);
	if (master < 0)
		return fail(run, "open");
	/* SAFETY: a container that shares a volume could swap names below /dev (CVE-2025-52565); an fd cannot be swapped. */
	if (!is_filesystem(master, DEVPTS_SUPER_MAGIC))
		return fail_with(run, "not devpts", EXDEV);
	if (ioctl(master, TIOCSPTLCK, &unlock) != 0)
		return fail(run, "unlock");
	int terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0)
		return fail(run, "peer");
	struct winsize size = {
		.ws_row = (unsigned short)NUMBER(console_rows),
		.ws_col = (unsigned short)NUMBER(console_columns),
	};
	if (ioctl(master, TIOCSWINSZ, &size) != 0)
		return fail(run, "resize");
	if (NUMBER(console_bind) && bind_onto(run, terminal, root, "dev/console") != 0)
		return -1;
	if (ioctl(terminal, TIOCSCTTY, 0) != 0)
		return fail(run, "controlling terminal");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(terminal, fd) < 0)
			return fail(run, "dup");
	struct sync_message message = {.kind = SYNC_CONSOLE};
	if (send_packet(run->sync, &message, master) != 0)
		return fail(run, "send");
	return close_after(terminal, close_after(master, 0));
}
