/* The init of a container with --init: passes signals on to its command, reaps what is orphaned, ends as the command does. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Faults of init itself are its own end, and not signals for the command. */
static const int own_faults[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};

/* Takes a group of its own and, on a terminal, its foreground: what the terminal sends then meets the command once. */
static _Noreturn void become_command(char **argv, const sigset_t *mask) {
	setpgid(0, 0);
	if (isatty(0))
		tcsetpgrp(0, getpgrp()); /* SIGTTOU is blocked still, so that a background group may do this */
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "[FATAL gantry-init] exec %s failed: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Reaps all that has ended. Returns whether the command is among it, and its exit code. */
static bool reap(pid_t command, int *code) {
	bool ended = false;
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid != command)
			continue;
		*code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		ended = true;
	}
	return ended;
}

int main(int argc, char **argv) {
	sigset_t awaited, before;
	int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1, code = 0;
	if (argc <= first)
		return 127;
	sigfillset(&awaited);
	for (size_t i = 0; i < sizeof own_faults / sizeof *own_faults; i++)
		sigdelset(&awaited, own_faults[i]);
	sigprocmask(SIG_SETMASK, &awaited, &before);
	pid_t command = fork();
	if (command < 0)
		return 126;
	if (command == 0)
		become_command(argv + first, &before);
	for (;;) {
		int got = sigwaitinfo(&awaited, NULL);
		if (got != SIGCHLD && got > 0)
			kill(command, got);
		else if (got == SIGCHLD && reap(command, &code))
			return code;
	}
}
