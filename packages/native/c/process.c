/* Verbs that make the process what it shall be: namespaces, limits, privileges, the command. */
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "native.h"

VERB(clone) {
	uint64_t cgroup = NUMBER(clone_cgroup);
	run->clone_flags = NUMBER(clone_flags);
	run->clone_cgroup = cgroup == NO_REGISTER ? -1 : run->registers[cgroup];
	return 0;
}

VERB(setns) { return setns(REGISTER(setns_reg), (int)NUMBER(setns_flags)); }

VERB(unshare) { return unshare((int)NUMBER(unshare_flags)); }

/* "0" is the writer alone: no lock over all threads of the machine, which one PID would take. */
VERB(cgroup_join) { return write_file(TEXT(cgroup_join_path), "0", 1); }

VERB(hostname) { return sethostname(TEXT(hostname_name), LENGTH(hostname_name)); }

VERB(domainname) { return setdomainname(TEXT(domainname_name), LENGTH(domainname_name)); }

/* Field 22 of /proc/PID/stat; the name before it may hold anything, so it is counted from the last ")". */
uint64_t start_ticks(int pid) {
	char path[32], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	char *field = strrchr(text, ')');
	for (int i = 2; field != NULL && i < 22; i++)
		field = strchr(field + 1, ' ');
	return field == NULL ? 0 : strtoull(field + 1, NULL, 10);
}

VERB(pidfd_open) {
	int pid = (int)NUMBER(pidfd_open_pid);
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return fail(run, "open");
	/* The number is checked after the descriptor is held: a PID that was used again has another start time. */
	if (start_ticks(pid) != NUMBER(pidfd_open_start_ticks))
		return fail_with(run, "another process", ESRCH);
	REGISTER(pidfd_open_reg) = fd;
	return 0;
}

VERB(setsid) { return setsid() < 0 ? -1 : 0; }

VERB(oom_score_adj) {
	return write_file("/proc/self/oom_score_adj", TEXT(oom_score_adj_value), LENGTH(oom_score_adj_value));
}

VERB(rlimit) {
	uint64_t limit[2] = {NUMBER(rlimit_soft), NUMBER(rlimit_hard)};
	return (int)syscall(SYS_prlimit64, 0, (int)NUMBER(rlimit_resource), limit, NULL);
}

VERB(umask) { umask((mode_t)NUMBER(umask_mask) & 0777); return 0; }

VERB(personality) { return syscall(SYS_personality, NUMBER(personality_persona)) < 0 ? -1 : 0; }

VERB(keyring) {
	const int join_session_keyring = 1;
	return syscall(SYS_keyctl, join_session_keyring, TEXT(keyring_name)) < 0 ? -1 : 0;
}

VERB(io_priority) {
	const int who_process = 1;
	return (int)syscall(SYS_ioprio_set, who_process, 0, NUMBER(io_priority_value));
}

VERB(scheduler) {
	const struct argument *attributes = &a->args[scheduler_attributes];
	uint32_t size;
	if (attributes->length < 48) /* SCHED_ATTR_SIZE_VER0; the first field is the size itself */
		return fail_with(run, "size", EINVAL);
	memcpy(&size, attributes->text, sizeof size);
	if (size > attributes->length)
		return fail_with(run, "size", EINVAL);
	return (int)syscall(SYS_sched_setattr, 0, attributes->text, 0);
}

VERB(affinity) { return syscall(SYS_sched_setaffinity, 0, LENGTH(affinity_mask), TEXT(affinity_mask)) < 0 ? -1 : 0; }

VERB(exec_label) {
	const struct argument *label = &a->args[exec_label_label];
	ssize_t written = write(REGISTER(exec_label_reg), label->text, label->length);
	return written == (ssize_t)label->length ? 0 : -1;
}

VERB(bounding_set) {
	uint64_t kept = NUMBER(bounding_set_mask);
	for (unsigned capability = 0; capability < 64; capability++) {
		if (kept >> capability & 1 || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* past the last one this kernel knows */
			return 0;
		return fail(run, "drop");
	}
	return 0;
}

/* The pipes and the terminal were made by root; the user must be able to open /dev/stdout again. */
static int own_stdio(uint32_t uid) {
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;
		if (fstat(fd, &st) != 0)
			return -1;
		bool terminal = S_ISCHR(st.st_mode) && isatty(fd);
		if ((S_ISFIFO(st.st_mode) || terminal) && st.st_uid != uid && fchown(fd, uid, (gid_t)-1) != 0)
			return -1;
	}
	return 0;
}

static int become(struct run *run, uint32_t uid, uint32_t gid, const uint32_t *groups, size_t count) {
	if (own_stdio(uid) != 0)
		return fail(run, "stdio");
	/* The raw calls: musl's own would signal threads that do not exist. */
	if (syscall(SYS_setgroups, count, groups) != 0)
		return fail(run, "setgroups");
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return fail(run, "keepcaps");
	if (syscall(SYS_setresgid, gid, gid, gid) != 0)
		return fail(run, "setresgid");
	if (syscall(SYS_setresuid, uid, uid, uid) != 0)
		return fail(run, "setresuid");
	return 0;
}

static uint32_t groups[MAX_GROUPS];

VERB(user) {
	const struct argument *list = &a->args[user_groups];
	uint64_t uid = NUMBER(user_uid), gid = NUMBER(user_gid);
	if (list->length % 4 != 0 || list->length > sizeof groups)
		return fail_with(run, "groups", E2BIG);
	if (uid > INT32_MAX || gid > INT32_MAX)
		return fail_with(run, "range", ERANGE);
	memcpy(groups, list->text, list->length);
	lookup_home(run, (uint32_t)uid);
	return become(run, (uint32_t)uid, (uint32_t)gid, groups, list->length / 4);
}

VERB(user_lookup) {
	uint32_t uid, gid;
	const struct argument *names = &a->args[user_lookup_groups];
	struct cursor added = {names->text, names->text + names->length};
	int count = lookup_user(run, TEXT(user_lookup_spec), added, &uid, &gid, groups);
	return count < 0 ? -1 : become(run, uid, gid, groups, (size_t)count);
}

VERB(capabilities) {
	uint64_t effective = NUMBER(capabilities_effective), permitted = NUMBER(capabilities_permitted);
	uint64_t inheritable = NUMBER(capabilities_inheritable), ambient = NUMBER(capabilities_ambient);
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
	};
	if (syscall(SYS_capset, &header, data) != 0)
		return fail(run, "capset");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return fail(run, "ambient");
	for (unsigned capability = 0; capability < 64; capability++)
		if (ambient >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
			return fail(run, "ambient");
	return 0;
}

VERB(no_new_privileges) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

/* SAFETY: every fd is close-on-exec; closing them before means that not even the look-up of the program can use one as
 * /proc/self/fd/N (CVE-2024-21626). Before a filter, which may refuse it: no act behind one uses a register. */
static int close_all(struct run *run) {
	if (run->closed)
		return 0;
	if (run->sync != 3 && dup3(run->sync, 3, O_CLOEXEC) < 0)
		return fail(run, "dup");
	run->sync = 3;
	run->closed = syscall(SYS_close_range, 4, ~0u, 0) == 0;
	return run->closed ? 0 : fail(run, "close_range");
}

VERB(seccomp) {
	const struct argument *program = &a->args[seccomp_program];
	if (program->length % sizeof(struct sock_filter) != 0 || program->length / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return fail_with(run, "program", EINVAL);
	struct sock_fprog filter = {
		.len = (unsigned short)(program->length / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(void *)program->text,
	};
	if (close_all(run) != 0)
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, NUMBER(seccomp_flags), &filter) == 0 ? 0 : -1;
}

VERB(chdir) {
	const char *path = TEXT(chdir_path);
	char where[PATH_MAX];
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail(run, "root");
	int at = NUMBER(chdir_create) ? ensure_in(root, path, S_IFDIR) : open_in(root, path, O_PATH | O_DIRECTORY);
	if (at < 0)
		return fail(run, "open");
	if (fchdir(at) != 0)
		return fail(run, "fchdir");
	/* SAFETY: a directory outside the root has no name here (CVE-2024-21626). */
	if (syscall(SYS_getcwd, where, sizeof where) < 0 || where[0] != '/')
		return fail_with(run, "outside", EXDEV);
	return close_after(at, close_after(root, 0));
}

/* Waits for the shim's next word. */
static int hear(struct run *run, uint32_t awaited) {
	struct sync_message message;
	ssize_t got;
	do
		got = recv(run->sync, &message, sizeof message, 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof message || message.kind != awaited)
		_exit(1); /* the shim is gone: nobody would keep this process */
	run->go |= message.index != 0;
	return 0;
}

VERB(await_beside) { return hear(run, SYNC_BESIDE); }

VERB(ready) {
	struct sync_message message = {.kind = SYNC_READY};
	if (send_packet(run->sync, &message, -1) != 0)
		return fail(run, "send");
	return run->go ? 0 : hear(run, SYNC_GO);
}

/* Splits a list into pointers, as execve takes them. */
static size_t list_of(const struct argument *texts, char **list, size_t room) {
	struct cursor at = {texts->text, texts->text + texts->length};
	size_t count = 0;
	while (count + 1 < room && next_text(&at, &list[count]))
		count++;
	list[count] = NULL;
	return count;
}

static const char *value_of(char **environment, const char *name) {
	size_t length = strlen(name);
	for (; *environment != NULL; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

/* Tries each directory of PATH, as Docker's look-up does: what cannot be executed there is passed over. */
static int exec_in_path(struct run *run, char **argv, char **environment) {
	char path[PATH_MAX];
	const char *at = value_of(environment, "PATH");
	for (at = at == NULL ? "" : at; at != NULL;) {
		const char *colon = strchr(at, ':');
		int length = colon == NULL ? (int)strlen(at) : (int)(colon - at);
		/* An empty entry is the current directory, which Docker refuses to search. */
		if (length > 0 && snprintf(path, sizeof path, "%.*s/%s", length, at, argv[0]) < (int)sizeof path) {
			execve(path, argv, environment);
			if (errno != ENOENT && errno != EACCES && errno != ENOTDIR && errno != ELOOP && errno != ENAMETOOLONG)
				return fail(run, "execve");
		}
		at = colon == NULL ? NULL : colon + 1;
	}
	return fail_with(run, "lookup", ENOENT);
}

VERB(exec) {
	static char *argv[65536], *environment[65536];
	static char home[sizeof run->home + 5];
	size_t count = list_of(&a->args[exec_env], environment, sizeof environment / sizeof *environment - 1);
	if (list_of(&a->args[exec_argv], argv, sizeof argv / sizeof *argv) == 0)
		return fail_with(run, "argv", EINVAL);
	if (value_of(environment, "HOME") == NULL) {
		snprintf(home, sizeof home, "HOME=%s", run->home);
		environment[count] = home;
		environment[count + 1] = NULL;
	}
	if (close_all(run) != 0)
		return -1;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (strchr(argv[0], '/') == NULL)
		return exec_in_path(run, argv, environment);
	execve(argv[0], argv, environment);
	return fail(run, "execve");
}
