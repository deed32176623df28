/* What the shim tells and leaves: records as frames and files, and, at the end, nothing else. */
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

#include "shim.h"

uint64_t now_ns(int clock) {
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Written under another name first: a reader finds a whole record or none. */
static void save(const char *path, const char *text) {
	char temporary[PATH_MAX];
	if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary)
		return;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool whole = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	if (!whole || rename(temporary, path) != 0)
		unlink(temporary);
}

static int print_identity(const struct shim *shim, char *text, size_t room) {
	return snprintf(text, room, "{\"version\":%d,\"shimPid\":%d,\"pid\":%d,\"startTicks\":%" PRIu64, PROTOCOL_VERSION,
	                getpid(), shim->pid, shim->start_ticks);
}

static void print_started(const struct shim *shim, char *text, size_t room) {
	int length = print_identity(shim, text, room);
	snprintf(text + length, room - (size_t)length, ",\"startedAt\":\"%" PRIu64 "\"}", shim->started_ns);
}

void tell_created(struct shim *shim) {
	char text[256];
	int length = print_identity(shim, text, sizeof text - 1);
	strcpy(text + length, "}");
	tell_controls(shim, FRAME_CREATED, text);
}

void tell_started(struct shim *shim) {
	char text[256];
	print_started(shim, text, sizeof text);
	tell_controls(shim, FRAME_STARTED, text);
}

/* For a daemon that comes later; the one that waits has been told. */
void save_started(struct shim *shim) {
	char text[256];
	print_started(shim, text, sizeof text);
	save("started", text);
}

void tell_failed(struct shim *shim) {
	static const char *const parts[] = {"shim", "parent", "child", "beside"};
	char text[256];
	snprintf(text, sizeof text, "{\"part\":\"%s\",\"index\":%u,\"step\":\"%s\",\"errno\":%d}", parts[shim->failed_part],
	         shim->failed_index, shim->failed_step, shim->failed_errno);
	tell_controls(shim, FRAME_FAILED, text);
}

void tell_exited(struct shim *shim) {
	char text[512];
	int signal = WIFSIGNALED(shim->status) ? WTERMSIG(shim->status) : 0;
	int code = signal != 0 ? 128 + signal : WEXITSTATUS(shim->status);
	bool oom = read_oom_kills(shim) > shim->oom_kills;
	snprintf(text, sizeof text,
	         "{\"version\":%d,\"pid\":%d,\"exitCode\":%d,\"signal\":%d,\"oomKilled\":%s,\"startedAt\":\"%" PRIu64
	         "\",\"finishedAt\":\"%" PRIu64 "\"}",
	         PROTOCOL_VERSION, shim->pid, code, signal, oom ? "true" : "false", shim->started_ns, shim->finished_ns);
	save(shim->plan.spec.exit_record, text);
	tell_controls(shim, FRAME_EXITED, text);
}

void send_status(struct shim *shim, struct connection *connection) {
	static const char *const names[STATES] = {"creating", "created", "created", "running", "running", "exited", "exited"};
	char text[320];
	int length = print_identity(shim, text, sizeof text);
	length += snprintf(text + length, sizeof text - (size_t)length, ",\"state\":\"%s\",\"startedAt\":\"%" PRIu64 "\"}",
	                   names[shim->state], shim->started_ns);
	send_frame(connection, FRAME_STATUS, text, (size_t)length);
}

static ssize_t read_text(const char *path, char *text, size_t room) {
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, room - 1);
	text[length < 0 ? 0 : length] = '\0';
	if (fd >= 0)
		close(fd);
	return length;
}

/* The count of "oom_kill N", which both cgroup versions write in a line of its own. */
uint64_t read_oom_kills(const struct shim *shim) {
	char text[1024];
	if (*shim->plan.spec.oom_file == '\0' || read_text(shim->plan.spec.oom_file, text, sizeof text) <= 0)
		return 0;
	char *line = strstr(text, "oom_kill ");
	return line == NULL ? 0 : strtoull(line + 9, NULL, 10);
}

/* Signals every process of the cgroup. Returns how many there were. */
static int signal_cgroup(const char *procs_file, int signal) {
	char line[32];
	int count = 0;
	FILE *procs = fopen(procs_file, "re");
	if (procs == NULL)
		return 0;
	while (fgets(line, sizeof line, procs) != NULL) {
		int pid = atoi(line);
		count += pid > 1 && kill(pid, signal) == 0;
	}
	fclose(procs);
	return count;
}

int signal_task(struct shim *shim, int signal, bool every_process) {
	const char *procs = shim->plan.spec.kill_procs_file;
	if (shim->pid <= 0 || shim->state >= DRAINING)
		return refuse(ESRCH);
	if (every_process && *procs != '\0' && signal_cgroup(procs, signal) > 0)
		return 0;
	return kill(shim->pid, signal);
}

/* What is left in the cgroup after init: it could fork between two readings, so until nothing is found. */
void kill_leftovers(struct shim *shim) {
	const char *procs = shim->plan.spec.kill_procs_file;
	char path[PATH_MAX];
	const char *name = strrchr(procs, '/');
	if (name == NULL)
		return;
	snprintf(path, sizeof path, "%.*s/cgroup.kill", (int)(name - procs), procs);
	if (write_file(path, "1", 1) == 0)
		return;
	for (int round = 0; round < 100 && signal_cgroup(procs, SIGKILL) > 0; round++)
		nanosleep(&(struct timespec){.tv_nsec = round * 100000L}, NULL);
}

static void remove_cgroup(const char *path) {
	/* EBUSY: the last process is dead and not yet gone. */
	for (int round = 0; rmdir(path) != 0 && errno == EBUSY && round < 50; round++)
		nanosleep(&(struct timespec){.tv_nsec = 100000L << (round < 8 ? round : 8)}, NULL);
}

void remove_traces(struct shim *shim) {
	unlink("shim.sock");
	close(shim->mounts);
	while (shim->run.cgroup_count > 0)
		remove_cgroup(shim->run.cgroups[--shim->run.cgroup_count]);
}
