/* Looks at a container from inside: makes one system call and prints what came of it. Linked statically, run as the
 * container's command. Prints "ok", a number, or the name of the errno. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *name_of(int error)
{
	switch (error) {
	case EPERM: return "EPERM";
	case ENOENT: return "ENOENT";
	case EIO: return "EIO";
	case ENXIO: return "ENXIO";
	case ENODEV: return "ENODEV";
	case EBADF: return "EBADF";
	case EAGAIN: return "EAGAIN";
	case ENOMEM: return "ENOMEM";
	case EACCES: return "EACCES";
	case EFAULT: return "EFAULT";
	case EBUSY: return "EBUSY";
	case EEXIST: return "EEXIST";
	case EINVAL: return "EINVAL";
	case ENOTTY: return "ENOTTY";
	case ETXTBSY: return "ETXTBSY";
	case ENOSPC: return "ENOSPC";
	case EROFS: return "EROFS";
	case ENOSYS: return "ENOSYS";
	case ELOOP: return "ELOOP";
	case EAFNOSUPPORT: return "EAFNOSUPPORT";
	case ENOKEY: return "ENOKEY";
	default: return strerror(error);
	}
}

static int say(long result)
{
	puts(result < 0 ? name_of(errno) : "ok");
	return 0;
}

static long clone_with(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long clone3(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return pid;
}

/* Children that stay, until the kernel gives no more. */
static int forks(int most)
{
	int made = 0, error = 0;
	for (; made < most; made++) {
		pid_t pid = fork();
		if (pid < 0) {
			error = errno;
			break;
		}
		if (pid == 0) {
			pause();
			_exit(0);
		}
	}
	printf("%d %s\n", made, error ? name_of(error) : "ok");
	fflush(stdout);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	return 0;
}

static int eat(long megabytes)
{
	for (long i = 0; i < megabytes; i++) {
		char *area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (area == MAP_FAILED)
			return say(-1);
		memset(area, 1, 1 << 20);
	}
	puts("ok");
	return 0;
}

static int show(const char *path)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return say(-1);
	char kind = S_ISCHR(st.st_mode) ? 'c' : S_ISBLK(st.st_mode) ? 'b' : S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : '-';
	printf("%c %u:%u %o %u:%u\n", kind, major(st.st_rdev), minor(st.st_rdev), st.st_mode & 07777, st.st_uid, st.st_gid);
	return 0;
}

static int fds(void)
{
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	puts("");
	return 0;
}

static int cpus(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return say(-1);
	printf("%d\n", CPU_COUNT(&set));
	return 0;
}

static int window(void)
{
	struct winsize size;
	if (ioctl(0, TIOCGWINSZ, &size) != 0)
		return say(-1);
	printf("%u %u %s\n", size.ws_row, size.ws_col, ttyname(0) == NULL ? "none" : ttyname(0));
	return 0;
}

/* Looks for processes that are not ours and takes hold of what /proc shows of them: the program of an exec that has not
 * happened yet, its descriptors, its memory. Prints what it could open, until the file named exists. */
static int hunt(const char *until)
{
	long looks = 0, held = 0;
	while (access(until, F_OK) != 0) {
		for (int pid = 2; pid < 400; pid++) {
			static const char *const kinds[] = {"exe", "fd/3", "fd/4", "fd/5", "root", "mem", "cwd"};
			char path[64], target[256];
			if (pid == getpid())
				continue;
			for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
				snprintf(path, sizeof path, "/proc/%d/%s", pid, kinds[i]);
				ssize_t length = readlink(path, target, sizeof target - 1);
				looks += length >= 0 || errno != ENOENT;
				if (length < 0)
					continue;
				target[length] = '\0';
				if (i == 0 && strcmp(target, "/bin/busybox") == 0)
					break;
				int fd = open(path, O_RDWR);
				if (fd < 0)
					continue;
				held++;
				printf("%s -> %s\n", path, target);
				close(fd);
			}
		}
	}
	printf("held %ld%s\n", held, looks ? ", saw some" : "");
	return 0;
}

/* Exchanges two names for each other until the file named exists. */
static int swap(const char *one, const char *other, const char *until)
{
	long count = 0;
	for (; access(until, F_OK) != 0; count++)
		syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2);
	printf("%s\n", count > 0 ? "swapped" : "never");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *first = argc > 2 ? argv[2] : "", *second = argc > 3 ? argv[3] : "";
	unsigned long number = strtoul(first, NULL, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(what, "unshare") == 0) return say(syscall(SYS_unshare, number));
	if (strcmp(what, "clone") == 0) return say(clone_with(number));
	if (strcmp(what, "clone3") == 0) return say(clone3());
	if (strcmp(what, "keyctl") == 0) return say(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
	if (strcmp(what, "mount") == 0) return say(mount("none", first, second[0] ? second : "tmpfs", 0, NULL));
	if (strcmp(what, "remount") == 0) return say(mount(NULL, first, NULL, MS_REMOUNT | MS_BIND, NULL));
	if (strcmp(what, "umount") == 0) return say(umount2(first, MNT_DETACH));
	if (strcmp(what, "personality") == 0) return say(personality(number));
	if (strcmp(what, "socket") == 0) return say(socket((int)number, argc > 3 ? atoi(second) : SOCK_STREAM, 0));
	if (strcmp(what, "bpf") == 0) return say(syscall(SYS_bpf, 0, NULL, 0));
	if (strcmp(what, "setns") == 0) return say(syscall(SYS_setns, -1, 0));
	if (strcmp(what, "handle") == 0) return say(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY));
	if (strcmp(what, "ptrace") == 0) return say(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	if (strcmp(what, "open") == 0) return say(open(first, strcmp(second, "w") == 0 ? O_WRONLY : O_RDONLY));
	if (strcmp(what, "create") == 0) return say(open(first, O_WRONLY | O_CREAT, 0644));
	if (strcmp(what, "mknod") == 0)
		return say(mknod(first, (*second == 'b' ? S_IFBLK : S_IFCHR) | 0666, makedev(atoi(argv[4]), atoi(argv[5]))));
	if (strcmp(what, "hunt") == 0) return hunt(first);
	if (strcmp(what, "swap") == 0) return swap(first, second, argc > 4 ? argv[4] : "");
	if (strcmp(what, "forks") == 0) return forks((int)number);
	if (strcmp(what, "eat") == 0) return eat((long)number);
	if (strcmp(what, "stat") == 0) return show(first);
	if (strcmp(what, "fds") == 0) return fds();
	if (strcmp(what, "cpus") == 0) return cpus();
	if (strcmp(what, "window") == 0) return window();
	fprintf(stderr, "probe: unknown question %s\n", what);
	return 2;
}
