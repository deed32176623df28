/* The native program: reads a plan, runs it, keeps the process. It executes and never chooses. */
#ifndef GANTRY_NATIVE_H
#define GANTRY_NATIVE_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "verbs.h"

enum half { PARENT = 1, CHILD = 2, BOTH = 3 };
enum part { SHIM_ITSELF, PARENT_ACTS, CHILD_ACTS, BESIDE_ACTS };
enum log_kind { LOG_NONE, LOG_JSON, LOG_CRI };
enum shim_flag { SHIM_TERMINAL = 1, SHIM_OPEN_STDIN = 2, SHIM_STDIN_ONCE = 4 };

/* One decoded argument. Number: u U i j o, and the count of an S. Text: s S b, inside the plan, NUL after an s. */
struct argument {
	uint64_t number;
	char *text;
	uint32_t length;
};

struct act {
	const struct verb *verb;
	struct argument args[MAX_ARGUMENTS];
};

struct run;

struct verb {
	const char *name;
	const char *signature;
	int (*act)(struct run *, const struct act *);
	uint16_t code;
	uint8_t half;
};

struct shim_spec {
	const char *task_dir, *exit_record, *log_path, *oom_file, *kill_procs_file;
	uint64_t log_max_size;
	uint32_t log_kind, log_max_files, flags;
};

/* Part of a plan that is still to be read. */
struct cursor {
	char *at, *end;
};

struct plan {
	char *bytes;
	size_t length;
	struct shim_spec spec;
	uint32_t parent_count, beside_count, child_count;
	struct cursor parent, beside, child;
};

int plan_load(int fd, char *room, struct plan *plan);
int plan_verify(char *bytes, size_t length, struct plan *plan);
int plan_next(struct cursor *plan, struct act *act);
bool next_text(struct cursor *texts, char **text);
const struct verb *verb_of(uint16_t code);

/* What the acts of one half work on; the child's is a copy of the shim's, made by clone3. */
struct run {
	int registers[REGISTER_COUNT];
	const char *step;       /* the part of an act that failed */
	int null_fd;            /* /dev/null, for stdio */
	int mask_mount;         /* empty read-only tmpfs, copied for each masked directory */
	int sync;               /* seqpacket to the other half */
	bool go;                /* START has come already: nothing to wait for */
	bool closed;            /* stdio and sync are the only fds left */
	uint64_t clone_flags;
	int clone_cgroup;
	char home[4096];        /* of the user, for an environment without HOME */
	const char *cgroups[32]; /* directories made, in order */
	int cgroup_count;
};

/* Messages between the halves, one packet each. */
enum sync_kind { SYNC_READY = 1, SYNC_GO, SYNC_FAILED, SYNC_CONSOLE, SYNC_BESIDE };
struct sync_message {
	uint32_t kind;
	uint32_t index;
	int32_t error;
	char step[20];
};

/* Closes on the way out: the errno of what failed before stays. */
static inline int close_after(int fd, int result) {
	int error = errno;
	close(fd);
	errno = error;
	return result;
}

/* -1, with this errno. */
static inline int refuse(int error) { return errno = error, -1; }

static inline int fail(struct run *run, const char *step) {
	run->step = step;
	return -1;
}

static inline int fail_with(struct run *run, const char *step, int error) {
	errno = error;
	return fail(run, step);
}

int run_act(struct run *run, const struct act *act);
_Noreturn void run_child(struct run *run, struct plan *plan, const int stdio[3]);

/* Inside paths. */
int open_in(int root, const char *path, uint64_t flags);
int open_beneath(int dir, const char *path, uint64_t flags);
int ensure_in(int root, const char *path, mode_t type);
int parent_in(int root, const char *path, char base[NAME_MAX + 1]);
bool is_filesystem(int fd, long magic);

int send_packet(int fd, const struct sync_message *message, int passed_fd);
int bind_onto(struct run *run, int fd, int root, const char *target);
int write_file(const char *path, const void *data, size_t length);
int copy_tree(int from, int to);
int lookup_user(struct run *run, const char *spec, struct cursor groups, uint32_t *uid, uint32_t *gid, uint32_t *list);
void lookup_home(struct run *run, uint32_t uid);
#define MAX_GROUPS 4096

/* What an act is written with. Not every one asks for its arguments or its state. */
#define VERB(name) int verb_##name(__attribute__((unused)) struct run *run, __attribute__((unused)) const struct act *a)
#define NUMBER(argument) (a->args[argument].number)
#define TEXT(argument) (a->args[argument].text)
#define LENGTH(argument) (a->args[argument].length)
#define REGISTER(argument) (run->registers[a->args[argument].number])

#define VERB_FUNCTION(name, code, half, signature) int verb_##name(struct run *, const struct act *);
VERBS(VERB_FUNCTION)

#endif
