/* Copies the tree an image has into a new volume, owners, modes, times, links and attributes included. */
#include <sys/sendfile.h>
#include <sys/xattr.h>

#include "native.h"

#define MAX_DEPTH 512

static int copy_entries(int from, int to, int depth);

static int copy_attributes(int from, int to) {
	static char names[65536], value[65536];
	ssize_t length = flistxattr(from, names, sizeof names);
	if (length < 0)
		return errno == EOPNOTSUPP ? 0 : -1;
	for (char *name = names; name < names + length; name += strlen(name) + 1) {
		ssize_t size = strncmp(name, "trusted.overlay.", 16) == 0 ? -1 : fgetxattr(from, name, value, sizeof value);
		if (size >= 0 && fsetxattr(to, name, value, (size_t)size, 0) != 0 && errno != EOPNOTSUPP && errno != EPERM)
			return -1;
	}
	return 0;
}

/* Owner before mode (chown clears set-ID bits), attributes after the owner (it clears file capabilities), times last. */
static int copy_facts(int from, int to, const struct stat *st) {
	struct timespec times[2] = {st->st_atim, st->st_mtim};
	if (fchown(to, st->st_uid, st->st_gid) != 0 || fchmod(to, st->st_mode & 07777) != 0)
		return -1;
	return copy_attributes(from, to) != 0 ? -1 : futimens(to, times);
}

static int copy_file(int dir, int to_dir, const char *name, const struct stat *st) {
	int from = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int result = from < 0 || to < 0 ? -1 : 0;
	ssize_t done = 1; /* 0: it became shorter meanwhile */
	for (off_t left = st->st_size; result == 0 && left > 0 && done > 0; left -= done)
		if ((done = sendfile(to, from, NULL, (size_t)left)) < 0)
			result = -1;
	if (result == 0)
		result = copy_facts(from, to, st);
	return close_after(from, close_after(to, result));
}

static int copy_directory(int dir, int to_dir, const char *name, const struct stat *st, int depth) {
	if (mkdirat(to_dir, name, 0700) != 0)
		return -1;
	int from = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int result = from < 0 || to < 0 ? -1 : copy_entries(from, to, depth + 1);
	if (result == 0)
		result = copy_facts(from, to, st);
	return close_after(from, close_after(to, result));
}

static int copy_other(int dir, int to_dir, const char *name, const struct stat *st) {
	struct timespec times[2] = {st->st_atim, st->st_mtim};
	if (S_ISLNK(st->st_mode)) {
		char target[PATH_MAX];
		ssize_t length = readlinkat(dir, name, target, sizeof target - 1);
		if (length < 0)
			return -1;
		target[length] = '\0';
		if (symlinkat(target, to_dir, name) != 0)
			return -1;
	} else if (mknodat(to_dir, name, st->st_mode, st->st_rdev) != 0) {
		return -1;
	}
	/* SAFETY: a running container may have the volume too and put a link at this name. Nothing here follows one, and
	 * there is no chmod: the umask is 0, so the mode was mknod's. */
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_entry(int dir, int to_dir, const char *name, int depth) {
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return copy_directory(dir, to_dir, name, &st, depth);
	return S_ISREG(st.st_mode) ? copy_file(dir, to_dir, name, &st) : copy_other(dir, to_dir, name, &st);
}

/* Calls for each name but "." and ".."; stops at the first that gives no zero. */
static int each_name(int dir, int (*act)(int, int, const char *, int), int to, int depth) {
	struct names {
		uint64_t inode, offset;
		uint16_t length;
		uint8_t type;
		char name[];
	};
	_Alignas(8) char area[4096];
	for (;;) {
		long length = syscall(SYS_getdents64, dir, area, sizeof area);
		if (length <= 0)
			return (int)length;
		for (long at = 0; at < length;) {
			struct names *entry = (struct names *)(void *)(area + at);
			at += entry->length;
			if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
				continue;
			int result = act(dir, to, entry->name, depth);
			if (result != 0)
				return result;
		}
	}
}

static int copy_entries(int from, int to, int depth) {
	if (depth > MAX_DEPTH)
		return refuse(ELOOP);
	return each_name(from, copy_entry, to, depth);
}

static int any_name(int dir, int to, const char *name, int depth) {
	(void)dir, (void)to, (void)name, (void)depth;
	return 1;
}

/* Takes back a name of the source; what somebody else put beside it stays, and its directory with it. */
static int remove_copied(int dir, int to_dir, const char *name, int depth) {
	int from = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from >= 0 && to >= 0 && depth <= MAX_DEPTH)
		each_name(from, remove_copied, to, depth + 1);
	unlinkat(to_dir, name, to < 0 ? 0 : AT_REMOVEDIR);
	return close_after(from, close_after(to, 0));
}

/* Fills an empty directory with another one's tree and facts; one that holds anything already is left alone. What could
 * not be copied whole is taken back, or the next start would find it filled; not when a name was there already
 * (EEXIST): then somebody else fills it, and it is theirs. */
int copy_tree(int from, int to) {
	struct stat st;
	int used = each_name(to, any_name, -1, 0);
	if (used != 0)
		return used < 0 ? -1 : 0;
	mode_t mask = umask(0);
	int result = fstat(from, &st) != 0 || copy_entries(from, to, 0) != 0 ? -1 : copy_facts(from, to, &st);
	int error = errno;
	if (result != 0 && error != EEXIST && lseek(from, 0, SEEK_SET) == 0)
		each_name(from, remove_copied, to, 0);
	umask(mask);
	errno = error;
	return result;
}
