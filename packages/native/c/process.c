/* Verbs that make the process what it shall be: namespaces, limits, privileges, the command. */
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "native.h"

int verb_clone(struct run *run, const struct act *a)
{
	uint64_t cgroup = a->args[clone_cgroup].number;
	run->clone_flags = a->args[clone_flags].number;
	run->clone_cgroup = cgroup == NO_REGISTER ? -1 : run->registers[cgroup];
	return 0;
}

int verb_setns(struct run *run, const struct act *a)
{
	return setns(run->registers[a->args[setns_reg].number], (int)a->args[setns_flags].number);
}

int verb_unshare(struct run *run, const struct act *a)
{
	(void)run;
	return unshare((int)a->args[unshare_flags].number);
}

int verb_cgroup_join(struct run *run, const struct act *a)
{
	/* "0" is the writer alone: no lock over all threads of the machine, which one PID would take. */
	return write(run->registers[a->args[cgroup_join_reg].number], "0", 1) == 1 ? 0 : -1;
}

int verb_hostname(struct run *run, const struct act *a)
{
	(void)run;
	return sethostname(a->args[hostname_name].text, a->args[hostname_name].length);
}

int verb_domainname(struct run *run, const struct act *a)
{
	(void)run;
	return setdomainname(a->args[domainname_name].text, a->args[domainname_name].length);
}

/* Field 22 of /proc/PID/stat; the name before it may hold anything, so it is counted from the last ")". */
uint64_t start_ticks(int pid)
{
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

int verb_pidfd_open(struct run *run, const struct act *a)
{
	int pid = (int)a->args[pidfd_open_pid].number;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return fail(run, "open");
	/* The number is checked after the descriptor is held: a PID that was used again has another start time. */
	if (start_ticks(pid) != a->args[pidfd_open_start_ticks].number)
		return fail_with(run, "another process", ESRCH);
	run->registers[a->args[pidfd_open_reg].number] = fd;
	return 0;
}

int verb_setsid(struct run *run, const struct act *a)
{
	(void)run, (void)a;
	return setsid() < 0 ? -1 : 0;
}

int verb_oom_score_adj(struct run *run, const struct act *a)
{
	(void)run;
	return write_file("/proc/self/oom_score_adj", a->args[oom_score_adj_value].text, a->args[oom_score_adj_value].length);
}

int verb_rlimit(struct run *run, const struct act *a)
{
	uint64_t limit[2] = {a->args[rlimit_soft].number, a->args[rlimit_hard].number};
	(void)run;
	return (int)syscall(SYS_prlimit64, 0, (int)a->args[rlimit_resource].number, limit, NULL);
}

int verb_umask(struct run *run, const struct act *a)
{
	(void)run;
	umask((mode_t)a->args[umask_mask].number & 0777);
	return 0;
}

int verb_personality(struct run *run, const struct act *a)
{
	(void)run;
	return syscall(SYS_personality, a->args[personality_persona].number) < 0 ? -1 : 0;
}

int verb_keyring(struct run *run, const struct act *a)
{
	const int join_session_keyring = 1;
	(void)run;
	return syscall(SYS_keyctl, join_session_keyring, a->args[keyring_name].text) < 0 ? -1 : 0;
}

int verb_io_priority(struct run *run, const struct act *a)
{
	const int who_process = 1;
	(void)run;
	return (int)syscall(SYS_ioprio_set, who_process, 0, a->args[io_priority_value].number);
}

int verb_scheduler(struct run *run, const struct act *a)
{
	const struct argument *attributes = &a->args[scheduler_attributes];
	uint32_t size;
	if (attributes->length < 48) /* SCHED_ATTR_SIZE_VER0; the first field is the size itself */
		return fail_with(run, "size", EINVAL);
	memcpy(&size, attributes->text, sizeof size);
	if (size > attributes->length)
		return fail_with(run, "size", EINVAL);
	return (int)syscall(SYS_sched_setattr, 0, attributes->text, 0);
}

int verb_affinity(struct run *run, const struct act *a)
{
	(void)run;
	return syscall(SYS_sched_setaffinity, 0, a->args[affinity_mask].length, a->args[affinity_mask].text) < 0 ? -1 : 0;
}

int verb_exec_label(struct run *run, const struct act *a)
{
	const struct argument *label = &a->args[exec_label_label];
	ssize_t written = write(run->registers[a->args[exec_label_reg].number], label->text, label->length);
	return written == (ssize_t)label->length ? 0 : -1;
}

int verb_bounding_set(struct run *run, const struct act *a)
{
	uint64_t kept = a->args[bounding_set_mask].number;
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
static int own_stdio(uint32_t uid)
{
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

static int become(struct run *run, uint32_t uid, uint32_t gid, const uint32_t *groups, size_t count)
{
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

int verb_user(struct run *run, const struct act *a)
{
	static uint32_t groups[MAX_GROUPS];
	const struct argument *list = &a->args[user_groups];
	uint64_t uid = a->args[user_uid].number, gid = a->args[user_gid].number;
	if (list->length % 4 != 0 || list->length > sizeof groups)
		return fail_with(run, "groups", E2BIG);
	if (uid > INT32_MAX || gid > INT32_MAX)
		return fail_with(run, "range", ERANGE);
	memcpy(groups, list->text, list->length);
	lookup_home(run, (uint32_t)uid);
	return become(run, (uint32_t)uid, (uint32_t)gid, groups, list->length / 4);
}

int verb_user_lookup(struct run *run, const struct act *a)
{
	static uint32_t groups[MAX_GROUPS];
	uint32_t uid, gid;
	const struct argument *names = &a->args[user_lookup_groups];
	struct cursor added = {names->text, names->text + names->length};
	int count = lookup_user(run, a->args[user_lookup_spec].text, added, &uid, &gid, groups);
	return count < 0 ? -1 : become(run, uid, gid, groups, (size_t)count);
}

int verb_capabilities(struct run *run, const struct act *a)
{
	uint64_t effective = a->args[capabilities_effective].number, permitted = a->args[capabilities_permitted].number;
	uint64_t inheritable = a->args[capabilities_inheritable].number, ambient = a->args[capabilities_ambient].number;
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

int verb_no_new_privileges(struct run *run, const struct act *a)
{
	(void)run, (void)a;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int verb_seccomp(struct run *run, const struct act *a)
{
	const struct argument *program = &a->args[seccomp_program];
	if (program->length % sizeof(struct sock_filter) != 0 || program->length / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return fail_with(run, "program", EINVAL);
	struct sock_fprog filter = {
		.len = (unsigned short)(program->length / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(void *)program->text,
	};
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, a->args[seccomp_flags].number, &filter) == 0 ? 0 : -1;
}

int verb_chdir(struct run *run, const struct act *a)
{
	const char *path = a->args[chdir_path].text;
	char where[PATH_MAX];
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail(run, "root");
	int at = a->args[chdir_create].number ? ensure_in(root, path, S_IFDIR) : open_in(root, path, O_PATH | O_DIRECTORY);
	if (at < 0)
		return fail(run, "open");
	if (fchdir(at) != 0)
		return fail(run, "fchdir");
	/* SAFETY: a directory outside the root has no name here (CVE-2024-21626). */
	if (syscall(SYS_getcwd, where, sizeof where) < 0 || where[0] != '/')
		return fail_with(run, "outside", EXDEV);
	close(at);
	close(root);
	return 0;
}

int verb_ready(struct run *run, const struct act *a)
{
	struct sync_message message = {.kind = SYNC_READY};
	(void)a;
	if (send_packet(run->sync, &message, run->root) != 0)
		return fail(run, "send");
	if (run->go)
		return 0;
	ssize_t got;
	do
		got = recv(run->sync, &message, sizeof message, 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof message || message.kind != SYNC_GO)
		_exit(1); /* the shim is gone: nobody would keep this process */
	return 0;
}

/* Splits a list into pointers, as execve takes them. */
static size_t list_of(const struct argument *texts, char **list, size_t room)
{
	struct cursor at = {texts->text, texts->text + texts->length};
	size_t count = 0;
	while (count + 1 < room && next_text(&at, &list[count]))
		count++;
	list[count] = NULL;
	return count;
}

static const char *value_of(char **environment, const char *name)
{
	size_t length = strlen(name);
	for (; *environment != NULL; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

/* Tries each directory of PATH, as Docker's look-up does: what cannot be executed there is passed over. */
static int exec_in_path(struct run *run, char **argv, char **environment)
{
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

int verb_exec(struct run *run, const struct act *a)
{
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
	/* SAFETY: every fd is close-on-exec; closing them before means that not even the look-up of the program can use
	 * one as /proc/self/fd/N (CVE-2024-21626). A filter that refuses close_range leaves the first guard. */
	if (run->sync != 3 && dup3(run->sync, 3, O_CLOEXEC) < 0)
		return fail(run, "dup");
	run->sync = 3;
	syscall(SYS_close_range, 4, ~0u, 0);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (strchr(argv[0], '/') == NULL)
		return exec_in_path(run, argv, environment);
	execve(argv[0], argv, environment);
	return fail(run, "execve");
}
