/* The shim: reads its plan, starts the process, and keeps it to the end. States and events are one table. */
#include <sched.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "shim.h"

enum { PLAN_FD = 3, CONTROL_FD = 4, FIRST_ATTACHED_FD = 5 };

static const uint64_t drain_ns = 2000000000u; /* Docker waits as long for streams that a background child keeps open */
static const int idle_ms = 1000;
static const int stalled_ms = 600000; /* how long what is left to send may not move */

static struct shim shim = {.input = -1, .listener = -1, .signals = -1, .mounts = -1, .run = {.null_fd = -1, .mask_mount = -1, .sync = -1}};
static _Alignas(4096) char stream_bytes[2][STREAM_BYTES];

bool is_terminal(const struct shim *s) { return (s->plan.spec.flags & SHIM_TERMINAL) != 0; }

/* No stream is open: all was said, or, with a terminal, not yet begun. */
bool streams_ended(const struct shim *s) { return s->streams[0].fd < 0 && s->streams[1].fd < 0; }

static void end_child(struct shim *s) {
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

/* Nothing of a process that never ran may stay: its namespaces die with it, the rest is taken back, then it is told. */
static _Noreturn void end_failed(struct shim *s) {
	end_child(s);
	remove_traces(s);
	tell_failed(s);
	_exit(1);
}

static void note_failure(struct shim *s, enum part part, uint32_t index, const char *step) {
	s->failed_errno = errno;
	s->failed_part = part;
	s->failed_index = index;
	snprintf(s->failed_step, sizeof s->failed_step, "%s", step);
}

static _Noreturn void fail_shim(struct shim *s, const char *step) {
	note_failure(s, SHIM_ITSELF, 0, step);
	end_failed(s);
}

/* --- Transitions ---------------------------------------------------------------------------- */

static void let_go(struct shim *s) {
	struct sync_message go = {.kind = SYNC_GO};
	if (!s->run.go)
		send_packet(s->run.sync, &go, -1);
	s->state = STARTING;
}

static void on_early_start(struct shim *s) { s->start_asked = true; }

/* The child has what it takes over, and no descriptor in common with the shim any more. */
static void release_handed(struct shim *s) {
	close(s->sync_child);
	for (int fd = 0; fd < 3; fd++)
		if (s->handoff->stdio[fd] != s->run.null_fd)
			close(s->handoff->stdio[fd]);
	for (int i = 0; i < REGISTER_COUNT; i++)
		if (s->run.registers[i] >= 0)
			close(s->run.registers[i]);
}

/* The last one out of a mount namespace unmounts it, and an overlay then writes out the disk below it.
 * While the shim holds the namespace that is not the process, whose exit would be known milliseconds later. */
static void hold_mounts(struct shim *s) {
	char path[32];
	if ((s->run.clone_flags & CLONE_NEWNS) == 0)
		return;
	snprintf(path, sizeof path, "/proc/%d/ns/mnt", s->pid);
	s->mounts = open(path, O_RDONLY | O_CLOEXEC);
}

static void on_ready(struct shim *s) {
	s->state = CREATED;
	release_handed(s);
	hold_mounts(s);
	tell_created(s);
	if (s->start_asked)
		let_go(s);
}

static void on_failed(struct shim *s) { s->state = FAILED; }

static void on_killed(struct shim *s) {
	errno = EINTR;
	note_failure(s, CHILD_ACTS, 0, "killed");
	s->state = FAILED;
}

/* The child's part of the plan goes; what comes before it names what the shim uses to the end. */
static void release_plan(struct shim *s) {
	size_t kept = ((size_t)(s->plan.child.at - (char *)s->handoff) + 4095) & ~(size_t)4095;
	munmap((char *)s->handoff + kept, sizeof *s->handoff - kept);
}

static void on_executed(struct shim *s) {
	s->state = RUNNING;
	s->started_ns = now_ns(CLOCK_REALTIME);
	s->started_unsaved = true;
	tell_started(s);
	release_plan(s);
}

static void on_ended(struct shim *s) {
	s->state = DRAINING;
	s->finished_ns = now_ns(CLOCK_REALTIME);
	s->drain_deadline_ns = now_ns(CLOCK_MONOTONIC) + drain_ns;
	kill_leftovers(s);
}

static void pump(struct shim *s, struct stream *stream);
static void end_stream(struct shim *s, struct stream *stream);

/* What the pipes still hold goes to the log and the queues, so that nothing is left to write once the task may start
 * again, however long a stalled reader keeps the shim. */
static void on_drained(struct shim *s) {
	s->state = EXITED;
	for (int i = 0; i < 2; i++) {
		pump(s, &s->streams[i]);
		if (s->streams[i].fd >= 0)
			end_stream(s, &s->streams[i]);
	}
	tell_exited(s);
	remove_traces(s);
}

typedef void transition(struct shim *);

/* An event without an entry changes nothing: START twice, or for a process that has ended. */
static transition *const transitions[STATES][EVENTS] = {
	[CREATING] = {[START_ASKED] = on_early_start, [CHILD_READY] = on_ready, [CHILD_FAILED] = on_failed, [CHILD_ENDED] = on_killed},
	[CREATED] = {[START_ASKED] = let_go, [CHILD_FAILED] = on_failed, [SYNC_ENDED] = on_killed},
	[STARTING] = {[CHILD_FAILED] = on_failed, [SYNC_ENDED] = on_executed},
	[RUNNING] = {[CHILD_ENDED] = on_ended},
	[DRAINING] = {[DRAINED] = on_drained},
};

void shim_event(struct shim *s, enum event event) {
	transition *act = transitions[s->state][event];
	if (act != NULL)
		act(s);
}

/* --- Sources of events ---------------------------------------------------------------------- */

static void take_console(struct shim *s, struct msghdr *packet) {
	struct cmsghdr *control = CMSG_FIRSTHDR(packet);
	if (control == NULL || control->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(&s->input, CMSG_DATA(control), sizeof s->input);
	fcntl(s->input, F_SETFL, O_RDWR | O_NONBLOCK);
	s->streams[0].fd = s->input;
}

/* Reads what the child says, to the end of its side: the exec, or its death. */
static void read_sync(struct shim *s) {
	while (s->run.sync >= 0) {
		struct sync_message message;
		_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
		struct iovec part = {&message, sizeof message};
		struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		ssize_t got = recvmsg(s->run.sync, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got != (ssize_t)sizeof message) {
			close(s->run.sync);
			s->run.sync = -1;
			shim_event(s, SYNC_ENDED);
		} else if (message.kind == SYNC_CONSOLE) {
			take_console(s, &packet);
		} else if (message.kind == SYNC_READY) {
			shim_event(s, CHILD_READY);
		} else if (message.kind == SYNC_FAILED) {
			message.step[sizeof message.step - 1] = '\0';
			errno = message.error;
			note_failure(s, CHILD_ACTS, message.index, message.step);
			shim_event(s, CHILD_FAILED);
		}
	}
}

static void reap(struct shim *s) {
	struct signalfd_siginfo info;
	int status;
	pid_t pid;
	while (read(s->signals, &info, sizeof info) > 0)
		continue;
	read_sync(s); /* the child's last words come before its death */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != s->pid)
			continue;
		s->status = status;
		shim_event(s, CHILD_ENDED);
	}
}

static void end_stream(struct shim *s, struct stream *stream) {
	log_lines(&s->log, stream->name, stream->bytes, stream->held, true);
	if (stream->fd == s->input)
		s->input = -1;
	close(stream->fd);
	stream->fd = -1;
	stream->held = 0;
	if (streams_ended(s))
		finish_attached(s);
}

/* Passes on what the process wrote. Stops early for a reader that lags, and, to stay fair, after some chunks. */
static void pump(struct shim *s, struct stream *stream) {
	for (int chunk = 0; chunk < 4 && stream->fd >= 0 && (s->state == EXITED || !output_blocked(s)); chunk++) {
		char *bytes = stream->bytes + stream->held;
		ssize_t got = read(stream->fd, bytes, READ_BYTES);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) { /* EIO: the terminal's last user is gone */
			end_stream(s, stream);
			return;
		}
		s->buffers_used = true;
		broadcast(s, stream, bytes, (size_t)got);
		stream->held = log_lines(&s->log, stream->name, stream->bytes, stream->held + (size_t)got, false);
		if (got < READ_BYTES / 2)
			return;
	}
}

/* --- The loop ------------------------------------------------------------------------------- */

static void release_buffers(struct shim *s) {
	for (int i = 0; i < 2; i++) {
		size_t kept = (s->streams[i].held + 4095) & ~(size_t)4095;
		madvise(stream_bytes[i] + kept, STREAM_BYTES - kept, MADV_DONTNEED);
	}
	log_release();
	s->buffers_used = false;
}

static int timeout_of(const struct shim *s) {
	if (s->state == DRAINING) {
		uint64_t now = now_ns(CLOCK_MONOTONIC);
		return now >= s->drain_deadline_ns ? 0 : (int)((s->drain_deadline_ns - now) / 1000000 + 1);
	}
	return s->state == EXITED ? stalled_ms : s->buffers_used ? idle_ms : -1;
}

enum { POLL_SYNC, POLL_SIGNALS, POLL_STREAM, POLL_INPUT = POLL_STREAM + 2, POLL_LISTENER, POLL_CONNECTION };

static int wait_for_events(struct shim *s, struct pollfd *polls) {
	bool waiting = false, blocked = output_blocked(s);
	polls[POLL_SYNC] = (struct pollfd){s->run.sync, POLLIN, 0};
	polls[POLL_SIGNALS] = (struct pollfd){s->signals, POLLIN, 0};
	for (int i = 0; i < 2; i++)
		polls[POLL_STREAM + i] = (struct pollfd){blocked ? -1 : s->streams[i].fd, POLLIN, 0};
	polls[POLL_LISTENER] = (struct pollfd){s->listener, POLLIN, 0};
	for (int i = 0; i < s->connection_count; i++) {
		int events = connection_wants(&s->connections[i]);
		polls[POLL_CONNECTION + i] = (struct pollfd){events < 0 ? -1 : s->connections[i].fd, (short)events, 0};
		waiting |= s->connections[i].input.length > 0;
	}
	polls[POLL_INPUT] = (struct pollfd){waiting ? s->input : -1, POLLOUT, 0};
	return poll(polls, (nfds_t)(POLL_CONNECTION + s->connection_count), timeout_of(s));
}

static void accept_all(struct shim *s) {
	int fd;
	while ((fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		connection_add(s, fd, NEW);
}

/* Connections come first, so that who attached before START misses nothing. */
static void handle_events(struct shim *s, const struct pollfd *polls) {
	int count = s->connection_count;
	for (int i = 0; i < count; i++)
		if (polls[POLL_CONNECTION + i].revents && s->connections[i].fd >= 0)
			connection_event(s, &s->connections[i], polls[POLL_CONNECTION + i].revents);
	if (polls[POLL_LISTENER].revents)
		accept_all(s);
	if (polls[POLL_SYNC].revents)
		read_sync(s);
	if (polls[POLL_SIGNALS].revents)
		reap(s);
	if (polls[POLL_INPUT].revents)
		flush_input(s);
	for (int i = 0; i < 2; i++)
		if (polls[POLL_STREAM + i].revents || s->state >= DRAINING)
			pump(s, &s->streams[i]);
	connections_sweep(s);
}

static void keep(struct shim *s) {
	struct pollfd polls[POLL_CONNECTION + MAX_CONNECTIONS];
	while (s->state != EXITED || !all_told(s)) {
		int ready = wait_for_events(s, polls);
		if (ready > 0)
			handle_events(s, polls);
		if (ready == 0 && s->state == EXITED)
			break;
		if (s->state == FAILED)
			end_failed(s);
		if (s->state == DRAINING && (streams_ended(s) || now_ns(CLOCK_MONOTONIC) >= s->drain_deadline_ns))
			shim_event(s, DRAINED);
		if (s->started_unsaved && s->state == RUNNING)
			save_started(s);
		s->started_unsaved = false;
		if (ready == 0 && s->buffers_used)
			release_buffers(s);
	}
	for (int i = 0; i < s->connection_count; i++)
		connection_close(&s->connections[i]);
}

/* --- The start ------------------------------------------------------------------------------ */

static void detach(struct shim *s) {
	sigset_t all;
	for (int signal_number = 1; signal_number < 65; signal_number++)
		signal(signal_number, SIG_DFL);
	/* No signal ends or stops the shim but SIGKILL: those of terminals, pipes and services are for others. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	s->run.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (s->run.null_fd < 0)
		fail_shim(s, "/dev/null");
	for (int fd = 0; fd < 3; fd++)
		dup2(s->run.null_fd, fd);
}

static void serve(struct shim *s) {
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "shim.sock"};
	sigset_t child;
	/* A relative name: task directories may be deeper than the 107 bytes of an address. */
	if (chdir(s->plan.spec.task_dir) != 0)
		fail_shim(s, "task directory");
	umask(0177);
	unlink(address.sun_path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(s->listener, 16) != 0)
		fail_shim(s, "shim.sock");
	umask(022);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	s->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		fail_shim(s, "signalfd");
}

static void run_acts(struct shim *s, enum part part, struct cursor acts, uint32_t count) {
	for (uint32_t index = 0; index < count; index++) {
		struct act act;
		s->run.step = "decode";
		if (plan_next(&acts, &act) == 0 && run_act(&s->run, &act) == 0)
			continue;
		note_failure(s, part, index, s->run.step);
		end_failed(s);
	}
}

/* One pipe of the process: ends[0] is the shim's, non-blocking; ends[1] the child's. */
static void make_pipe(struct shim *s, int ends[2], bool to_process) {
	int pipe[2];
	if (pipe2(pipe, O_CLOEXEC) != 0)
		fail_shim(s, "pipe");
	ends[0] = pipe[to_process];
	ends[1] = pipe[!to_process];
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static void make_stdio(struct shim *s, int stdio[3]) {
	int ends[2];
	for (int fd = 0; fd < 3; fd++)
		stdio[fd] = s->run.null_fd;
	if (is_terminal(s))
		return;
	for (int i = 0; i < 2; i++) {
		make_pipe(s, ends, false);
		s->streams[i].fd = ends[0];
		stdio[1 + i] = ends[1];
	}
	make_pipe(s, ends, true);
	stdio[0] = ends[1];
	/* SAFETY: without input it is a pipe that has ended, and not the host's /dev/null, whose mode its holder may change. */
	if (s->plan.spec.flags & SHIM_OPEN_STDIN)
		s->input = ends[0];
	else
		close(ends[0]);
}

static void open_sync(struct shim *s) {
	int sync[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) != 0)
		fail_shim(s, "socketpair");
	s->run.sync = sync[0];
	s->sync_child = sync[1];
}

static pid_t clone_child(uint64_t flags, int cgroup) {
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
	if (cgroup >= 0)
		args.flags |= CLONE_INTO_CGROUP, args.cgroup = (uint64_t)cgroup;
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static _Noreturn void be_child(const struct shim *s) {
	size_t size = sizeof *s->handoff, used = offsetof(struct handoff, bytes) + s->handoff->plan.length;
	/* SAFETY: the shim acts to the end on what it shares, and the child reads what the container wrote: it takes a copy. */
	void *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (own == MAP_FAILED || mremap(memcpy(own, s->handoff, used), size, size, MREMAP_MAYMOVE | MREMAP_FIXED, s->handoff) == MAP_FAILED)
		_exit(1);
	close(s->run.sync);
	run_child(&s->handoff->run, &s->handoff->plan, s->handoff->stdio);
}

/* The child that was made ahead: shares the shim's descriptors until it is told that its plan and they are complete. */
static _Noreturn void await_plan(const struct shim *s) {
	struct sync_message told;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (recv(s->sync_child, &told, sizeof told, 0) != (ssize_t)sizeof told ||
	    unshare(CLONE_FILES | (int)(s->handoff->run.clone_flags & CLONE_NEWNS)) != 0 || prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0)
		_exit(1);
	be_child(s);
}

/* Makes the child before its plan is known, in the namespaces that plans mostly want.
 * SAFETY: not in that of mounts, of which it would hold those that the host unmounts, and miss those that it makes. */
static void clone_ahead(struct shim *s, uint64_t flags) {
	s->ahead_flags = flags;
	s->pid = clone_child((flags & ~(uint64_t)CLONE_NEWNS) | CLONE_FILES, -1);
	if (s->pid == 0)
		await_plan(s);
}

static bool fits_ahead(struct shim *s) {
	if (s->pid <= 0 || waitpid(s->pid, NULL, WNOHANG) != 0)
		s->pid = -1;
	return s->pid > 0 && s->ahead_flags == s->run.clone_flags && s->run.clone_cgroup < 0;
}

static void start_child(struct shim *s) {
	struct sync_message told = {.kind = SYNC_GO};
	make_stdio(s, s->handoff->stdio);
	s->handoff->run = s->run;
	s->handoff->run.sync = s->sync_child;
	s->handoff->plan = s->plan;
	if (fits_ahead(s) && send_packet(s->run.sync, &told, -1) == 0)
		return;
	end_child(s);
	s->pid = clone_child(s->run.clone_flags, s->run.clone_cgroup);
	if (s->pid < 0) {
		note_failure(s, PARENT_ACTS, s->plan.parent_count - 1, "clone3");
		end_failed(s);
	}
	if (s->pid == 0)
		be_child(s);
}

/* A child that is dead by now has said why, or is reaped. START may be here already: then it need not stop and ask. */
static void tell_beside(struct shim *s) {
	connection_event(s, &s->connections[0], POLLIN);
	s->run.go = s->start_asked;
	send_packet(s->run.sync, &(struct sync_message){.kind = SYNC_BESIDE, .index = s->run.go}, -1);
}

int main(int argc, char **argv) {
	struct shim *s = &shim;
	int attached = argc > 1 ? atoi(argv[1]) : 0;
	for (int i = 0; i < 2; i++)
		s->streams[i] = (struct stream){-1, i == 0 ? "stdout" : "stderr", (uint8_t)(2 << i), (uint8_t)(1 + i), stream_bytes[i], 0};
	if (attached < 0 || attached >= MAX_CONNECTIONS)
		return 2;
	for (int fd = PLAN_FD; fd < FIRST_ATTACHED_FD + attached; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			return 2;
	syscall(SYS_close_range, FIRST_ATTACHED_FD + attached, ~0u, 0);
	connection_add(s, CONTROL_FD, CONTROL);
	for (int i = 0; i < attached; i++)
		connection_add(s, FIRST_ATTACHED_FD + i, NEW);
	detach(s);
	s->handoff = mmap(NULL, sizeof *s->handoff, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->handoff == MAP_FAILED)
		fail_shim(s, "memory");
	open_sync(s);
	if (argc > 2)
		clone_ahead(s, strtoull(argv[2], NULL, 10));
	if (plan_load(PLAN_FD, s->handoff->bytes, &s->plan) != 0)
		fail_shim(s, "plan");
	close(PLAN_FD);
	serve(s);
	if (log_open(&s->log, &s->plan.spec) != 0)
		fail_shim(s, "log");
	memset(s->run.registers, -1, sizeof s->run.registers);
	run_acts(s, PARENT_ACTS, s->plan.parent, s->plan.parent_count);
	start_child(s);
	run_acts(s, BESIDE_ACTS, s->plan.beside, s->plan.beside_count);
	tell_beside(s);
	/* What the child need not wait for. */
	write_file("/proc/self/oom_score_adj", "-500", 4);
	s->start_ticks = start_ticks(s->pid);
	s->oom_kills = read_oom_kills(s);
	keep(s);
	return 0;
}
