/* Inside paths: nothing here ever resolves a name outside the root it was given. */
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/vfs.h>

#include "native.h"

#define MAX_DEPTH 128

static int open_how(int dir, const char *path, uint64_t flags, uint64_t resolve) {
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	long fd = -1;
	/* EAGAIN: a rename elsewhere on the machine raced the walk of a "..". */
	for (int attempt = 0; attempt < 64; attempt++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return (int)fd;
}

/* Opens path with root as "/": no component leaves it, no magic link is followed. Returns an fd, or -1 with errno. */
int open_in(int root, const char *path, uint64_t flags) {
	return open_how(root, path[0] == '\0' ? "." : path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/* Opens path below dir on the same mount, without any link: for procfs, which an image cannot have made. */
int open_beneath(int dir, const char *path, uint64_t flags) {
	uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
	return open_how(dir, path, flags, resolve);
}

bool is_filesystem(int fd, long magic) {
	struct statfs fs;
	return fstatfs(fd, &fs) == 0 && (long)fs.f_type == magic;
}

struct names {
	char dir[PATH_MAX], base[NAME_MAX + 1], link[PATH_MAX];
};

/* Splits the last name off. The directory part of a bare name is ".". */
static int split(const char *path, struct names *names) {
	size_t end = strlen(path);
	while (end > 0 && path[end - 1] == '/')
		end--;
	size_t start = end;
	while (start > 0 && path[start - 1] != '/')
		start--;
	if (end == start || end - start > NAME_MAX || start >= PATH_MAX)
		return refuse(end == start ? EINVAL : ENAMETOOLONG);
	memcpy(names->base, path + start, end - start);
	names->base[end - start] = '\0';
	memcpy(names->dir, start == 0 ? "." : path, start == 0 ? 1 : start);
	names->dir[start == 0 ? 1 : start] = '\0';
	return 0;
}

static int ensure(int root, const char *path, mode_t type, int depth);

/* A name that exists and still leads nowhere: a link whose end the image lacks (resolv.conf of many distributions).
 * Its end is made, inside the root. EINVAL: the name is no link. In procfs it would be a descriptor of this walk. */
static int ensure_link_end(int root, int parent, struct names *names, mode_t type, int depth) {
	ssize_t length = readlinkat(parent, names->base, names->link, PATH_MAX - 1);
	if (length < 0)
		return -1;
	if (is_filesystem(parent, PROC_SUPER_MAGIC))
		return refuse(ELOOP);
	names->link[length] = '\0';
	if (names->link[0] == '/')
		return ensure(root, names->link, type, depth + 1);
	size_t used = strlen(names->dir);
	if (used + 1 + (size_t)length >= PATH_MAX)
		return refuse(ENAMETOOLONG);
	names->dir[used] = '/';
	memcpy(names->dir + used + 1, names->link, (size_t)length + 1);
	return ensure(root, names->dir, type, depth + 1);
}

static int ensure(int root, const char *path, mode_t type, int depth) {
	struct names names;
	int fd = open_in(root, path, O_PATH);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (depth >= MAX_DEPTH)
		return refuse(ELOOP);
	if (split(path, &names) != 0)
		return -1;
	int parent = ensure(root, names.dir, S_IFDIR, depth + 1);
	if (parent < 0)
		return -1;
	int made = type == S_IFDIR ? mkdirat(parent, names.base, 0755) : mknodat(parent, names.base, S_IFREG | 0755, 0);
	if (made == 0)
		fd = openat(parent, names.base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	else if (errno == EEXIST && (fd = ensure_link_end(root, parent, &names, type, depth)) < 0 && errno == EINVAL)
		fd = open_in(root, path, O_PATH); /* no link: somebody else made it meanwhile */
	return close_after(parent, fd);
}

/* Opens path (O_PATH) in root; makes it, and what is missing above it, when it is not there. */
int ensure_in(int root, const char *path, mode_t type) { return ensure(root, path, type, 0); }

/* Opens the directory that holds path's last name, making what is missing, and gives that name. */
int parent_in(int root, const char *path, char base[NAME_MAX + 1]) {
	struct names names;
	if (split(path, &names) != 0)
		return -1;
	memcpy(base, names.base, sizeof names.base);
	return ensure(root, names.dir, S_IFDIR, 0);
}
