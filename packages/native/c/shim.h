/* The shim: one process's keeper. */
#ifndef GANTRY_SHIM_H
#define GANTRY_SHIM_H

#include <poll.h>

#include "log.h"
#include "native.h"

/* CREATING: the child runs its acts. CREATED: it waits for START. STARTING: it was let go. RUNNING: the command runs.
 * DRAINING: it has ended, its output not yet. EXITED: record written, last bytes going out. FAILED: it never ran. */
enum state { CREATING, CREATED, STARTING, RUNNING, DRAINING, EXITED, FAILED, STATES };

enum event { START_ASKED, CHILD_READY, CHILD_FAILED, SYNC_ENDED, CHILD_ENDED, DRAINED, EVENTS };

enum { MAX_CONNECTIONS = 64, HELD_INPUT_BYTES = 16384, MAX_QUEUE_BYTES = 1 << 20 };

struct queue {
	char *bytes;
	size_t start, length;
};

enum connection_kind { NEW, CONTROL, ATTACHED };

struct connection {
	int fd;
	uint8_t kind;
	uint8_t streams;       /* bits of attachFlag */
	bool input_ended;      /* it will send no more */
	bool closing;          /* close as soon as what is queued is out */
	uint8_t header[8 + 8]; /* of the frame that is coming in */
	uint8_t header_length;
	struct queue out, input;
};

struct stream {
	int fd;
	const char *name;
	uint8_t bit, frame;
	char *bytes;      /* STREAM_BYTES: the start of a line, then what is read */
	size_t held;
};

/* What the child takes over, in memory that it shares with the shim: it may be older than its plan. */
struct handoff {
	struct run run;
	struct plan plan;
	int stdio[3];
	char bytes[PLAN_MAX_BYTES];
};

struct shim {
	enum state state;
	struct plan plan;
	struct run run;
	struct handoff *handoff;
	struct log log;
	struct stream streams[2];
	struct connection connections[MAX_CONNECTIONS];
	int connection_count;
	int input;             /* writing end of the process's stdin; the terminal's master; or -1 */
	int listener, signals;
	int mounts;            /* the process's mount namespace */
	int sync_child;        /* the child's end of sync, to be closed once it stands */
	uint64_t ahead_flags; /* of the child that was made before its plan was known; 0: none was */
	pid_t pid;
	int status;            /* as wait gives it */
	uint64_t start_ticks, started_ns, finished_ns, oom_kills, drain_deadline_ns;
	bool start_asked, input_closing, buffers_used, started_unsaved;
	enum part failed_part;
	uint32_t failed_index;
	int failed_errno;
	char failed_step[20];
};

uint64_t now_ns(int clock);
uint64_t start_ticks(int pid);
void shim_event(struct shim *shim, enum event event);
bool is_terminal(const struct shim *shim);
bool streams_ended(const struct shim *shim);

/* connections.c */
void connection_add(struct shim *shim, int fd, enum connection_kind kind);
void connection_event(struct shim *shim, struct connection *connection, short events);
int connection_wants(const struct connection *connection);
void connection_close(struct connection *connection);
void connections_sweep(struct shim *shim);
void send_frame(struct connection *connection, uint8_t type, const char *payload, size_t length);
void tell_controls(struct shim *shim, uint8_t type, const char *json);
void broadcast(struct shim *shim, const struct stream *stream, const char *bytes, size_t length);
bool output_blocked(const struct shim *shim);
void finish_attached(struct shim *shim);
void flush_input(struct shim *shim);
void close_input(struct shim *shim);
bool all_told(struct shim *shim);

/* records.c */
void tell_created(struct shim *shim);
void tell_started(struct shim *shim);
void save_started(struct shim *shim);
void tell_failed(struct shim *shim);
void tell_exited(struct shim *shim);
void send_status(struct shim *shim, struct connection *connection);
uint64_t read_oom_kills(const struct shim *shim);
int signal_task(struct shim *shim, int signal, bool every_process);
void kill_leftovers(struct shim *shim);
void remove_traces(struct shim *shim);

#endif
