/* The child's half: one act after another, to the exec or to one packet that says what failed. */
#include "native.h"

int run_act(struct run *run, const struct act *act) {
	run->step = NULL;
	int result = act->verb->act(run, act);
	if (result != 0 && run->step == NULL)
		run->step = act->verb->name;
	return result;
}

/* Sends one packet, with a copy of an fd when one is given. */
int send_packet(int fd, const struct sync_message *message, int passed_fd) {
	union {
		struct cmsghdr header;
		char area[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {(void *)(uintptr_t)message, sizeof *message};
	struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
	if (passed_fd >= 0) {
		memset(&control, 0, sizeof control);
		packet.msg_control = &control;
		packet.msg_controllen = sizeof control.area;
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof passed_fd);
	}
	return sendmsg(fd, &packet, MSG_NOSIGNAL) == (ssize_t)sizeof *message ? 0 : -1;
}

static _Noreturn void give_up(struct run *run, uint32_t index) {
	struct sync_message message = {.kind = SYNC_FAILED, .index = index, .error = errno};
	snprintf(message.step, sizeof message.step, "%s", run->step);
	send_packet(run->sync, &message, -1);
	_exit(1);
}

/* Runs in the new process. */
_Noreturn void run_child(struct run *run, struct plan *plan, const int stdio[3]) {
	run->step = "stdio";
	for (int fd = 0; fd < 3; fd++)
		if (dup2(stdio[fd], fd) < 0)
			give_up(run, 0);
	umask(022);
	for (uint32_t index = 0; index < plan->child_count; index++) {
		struct act act;
		run->step = "decode";
		if (plan_next(&plan->child, &act) != 0 || run_act(run, &act) != 0)
			give_up(run, index);
	}
	_exit(1); /* a verified plan ends with exec, which does not come back */
}
