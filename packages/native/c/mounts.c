/* Verbs that build the root filesystem: mounts are made detached and attached onto an fd of their target. */
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/sysmacros.h>

#include "native.h"

static int sys_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data) {
	return (int)syscall(SYS_mount, source, target, type, flags, data);
}

static int open_tree_of(int dir, const char *path, unsigned flags) {
	return (int)syscall(SYS_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

static int set_attributes(int mount, unsigned flags, struct mount_attr wanted) {
	if ((wanted.attr_set | wanted.attr_clr) & MOUNT_ATTR__ATIME)
		wanted.attr_clr |= MOUNT_ATTR__ATIME; /* the kernel's rule: the field is set as a whole */
	return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &wanted, sizeof wanted);
}

static int move_onto(int mount, int target) {
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
	return (int)syscall(SYS_move_mount, mount, "", target, "", flags);
}

/* Attaches a detached mount at an inside path, made when missing; the mount's fd is closed.
 * SAFETY: procfs and sysfs are never led elsewhere by a link of the image, or what is covered below /proc would not be
 * covered (CVE-2019-19921, CVE-2023-28642). */
static int attach(struct run *run, int mount, int root, const char *target, mode_t type) {
	bool plain = is_filesystem(mount, PROC_SUPER_MAGIC) || is_filesystem(mount, SYSFS_MAGIC);
	int at = ensure_in(root, target, type);
	if (at >= 0 && plain && type == S_IFDIR) {
		close(at);
		at = open_beneath(root, target + strspn(target, "/"), O_PATH | O_DIRECTORY);
	}
	if (at < 0)
		return fail(run, "target");
	if (move_onto(mount, at) != 0)
		return fail(run, "move_mount");
	return close_after(at, close_after(mount, 0));
}

VERB(propagation) { return sys_mount(NULL, TEXT(propagation_path), NULL, NUMBER(propagation_flags), NULL); }

VERB(mount_host) {
	if (chdir(TEXT(mount_host_cwd)) != 0)
		return fail(run, "chdir");
	const char *type = TEXT(mount_host_fstype), *data = TEXT(mount_host_data);
	return sys_mount(TEXT(mount_host_source), TEXT(mount_host_target), *type ? type : NULL,
	                 NUMBER(mount_host_flags), *data ? data : NULL);
}

VERB(root) {
	REGISTER(root_reg) = open(TEXT(root_path), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return REGISTER(root_reg) < 0 ? fail(run, "open") : 0;
}

/* Sets one option of a new filesystem: "key" or "key=value". */
static int configure(int fs, char *option) {
	char key[256];
	const char *value = strchr(option, '=');
	if (value == NULL)
		return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0);
	size_t length = (size_t)(value - option);
	if (length >= sizeof key)
		return refuse(EINVAL);
	memcpy(key, option, length);
	key[length] = '\0';
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value + 1, 0);
}

static int new_mount(struct run *run, const char *type, const char *source, struct cursor options, unsigned attributes) {
	char *option;
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return fail(run, "fsopen");
	if (*source && syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", source, 0) != 0)
		return fail(run, "source");
	while (next_text(&options, &option))
		if (configure(fs, option) != 0)
			return fail(run, "option");
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return fail(run, "create");
	int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
	return close_after(fs, mount < 0 ? fail(run, "fsmount") : mount);
}

VERB(mount_fs) {
	int root = REGISTER(mount_fs_root);
	const char *type = TEXT(mount_fs_fstype), *target = TEXT(mount_fs_target);
	const struct argument *list = &a->args[mount_fs_options];
	struct cursor options = {list->text, list->text + list->length};
	int mount = new_mount(run, type, TEXT(mount_fs_source), options, (unsigned)NUMBER(mount_fs_attrs));
	return mount < 0 ? -1 : attach(run, mount, root, target, S_IFDIR);
}

enum recursive { BIND_TREE = 1, BIND_ATTRIBUTES = 2, BIND_PROPAGATION = 4 };

/* A detached copy of a host path, or of what lies in it at subpath. */
static int copy_of(struct run *run, const char *source, const char *subpath, uint64_t recursive) {
	unsigned below = recursive & BIND_TREE ? AT_RECURSIVE : 0;
	int tree;
	if (*subpath) {
		int dir = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
		int inner = dir < 0 ? -1 : open_in(dir, subpath, O_PATH);
		if (inner < 0)
			return fail(run, "source");
		tree = open_tree_of(inner, "", AT_EMPTY_PATH | below);
	} else {
		tree = open_tree_of(AT_FDCWD, source, below);
	}
	return tree < 0 ? fail(run, errno == ENOENT ? "source" : "open_tree") : tree;
}

/* Attributes and propagation, each on the whole tree or its top. `wanted`: recursive, set, clear, propagation. */
static int dress(struct run *run, int tree, const struct argument wanted[4]) {
	struct mount_attr attributes = {.attr_set = wanted[1].number, .attr_clr = wanted[2].number};
	struct mount_attr propagation = {.propagation = wanted[3].number};
	uint64_t recursive = wanted[0].number;
	bool changes = (attributes.attr_set | attributes.attr_clr) != 0;
	if (changes && set_attributes(tree, recursive & BIND_ATTRIBUTES ? AT_RECURSIVE : 0, attributes) != 0)
		return fail(run, "attributes");
	if (propagation.propagation && set_attributes(tree, recursive & BIND_PROPAGATION ? AT_RECURSIVE : 0, propagation) != 0)
		return fail(run, "propagation");
	return 0;
}

static int attach_tree(struct run *run, int tree, int root, const char *target) {
	struct stat st;
	if (fstat(tree, &st) != 0)
		return fail(run, "fstat");
	return attach(run, tree, root, target, S_ISDIR(st.st_mode) ? S_IFDIR : S_IFREG);
}

/* Puts what an fd stands for at an inside path as well. */
int bind_onto(struct run *run, int fd, int root, const char *target) {
	int tree = open_tree_of(fd, "", AT_EMPTY_PATH);
	return tree < 0 ? fail(run, "open_tree") : attach_tree(run, tree, root, target);
}

VERB(mount_bind) {
	int tree = copy_of(run, TEXT(mount_bind_source), TEXT(mount_bind_subpath), NUMBER(mount_bind_recursive));
	if (tree < 0 || dress(run, tree, &a->args[mount_bind_recursive]) != 0)
		return -1;
	return attach_tree(run, tree, REGISTER(mount_bind_root), TEXT(mount_bind_target));
}

VERB(open_tree) {
	int tree = copy_of(run, TEXT(open_tree_source), TEXT(open_tree_subpath), NUMBER(open_tree_recursive));
	REGISTER(open_tree_reg) = tree;
	return tree < 0 ? -1 : 0;
}

VERB(attach_tree) {
	if (dress(run, REGISTER(attach_tree_tree), &a->args[attach_tree_recursive]) != 0)
		return -1;
	return attach_tree(run, REGISTER(attach_tree_tree), REGISTER(attach_tree_root), TEXT(attach_tree_target));
}

VERB(mount_attrs) {
	struct mount_attr wanted = {.attr_set = NUMBER(mount_attrs_attr_set), .attr_clr = NUMBER(mount_attrs_attr_clear)};
	int at = open_in(REGISTER(mount_attrs_root), TEXT(mount_attrs_target), O_PATH);
	return at < 0 ? fail(run, "target") : close_after(at, set_attributes(at, 0, wanted));
}

VERB(copy_up) {
	int from = open_in(REGISTER(copy_up_root), TEXT(copy_up_source), O_RDONLY | O_DIRECTORY);
	if (from < 0) /* nothing in the image at that path, or no directory: an empty volume is right */
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(run, "source");
	int to = open(TEXT(copy_up_host_target), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return fail(run, "target");
	return close_after(from, close_after(to, copy_tree(from, to)));
}

/* A copy of the host's /dev/null: no name inside the root is asked for it, so none can be swapped (CVE-2025-31133).
 * Opened anew: the shim's own descriptor is of a mount in another namespace, which cannot be copied. */
static int null_cover(struct run *run) {
	struct stat st;
	int null = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (null < 0 || fstat(null, &st) != 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return fail_with(run, "/dev/null", ENODEV);
	int cover = open_tree_of(null, "", AT_EMPTY_PATH);
	close(null);
	/* SAFETY: it is the host's own file: through a writable mount a container's root could change its mode and owner. */
	struct mount_attr shut = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};
	return cover >= 0 && set_attributes(cover, 0, shut) != 0 ? -1 : cover;
}

/* What covers a masked path: the host's own /dev/null, or an empty read-only directory that is made once. */
static int cover_for(struct run *run, bool is_dir) {
	if (!is_dir)
		return null_cover(run);
	if (run->mask_mount >= 0)
		return open_tree_of(run->mask_mount, "", AT_EMPTY_PATH);
	struct cursor options = {NULL, NULL};
	unsigned attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	return run->mask_mount = new_mount(run, "tmpfs", "tmpfs", options, attributes);
}

VERB(mask_path) {
	struct stat st;
	int at = open_in(REGISTER(mask_path_root), TEXT(mask_path_path), O_PATH);
	if (at < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(run, "target");
	if (fstat(at, &st) != 0)
		return fail(run, "fstat");
	int cover = cover_for(run, S_ISDIR(st.st_mode));
	if (cover < 0 || move_onto(cover, at) != 0)
		return fail(run, "cover");
	close(at);
	if (cover != run->mask_mount)
		close(cover);
	return 0;
}

VERB(readonly_path) {
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	int at = open_in(REGISTER(readonly_path_root), TEXT(readonly_path_path), O_PATH);
	if (at < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(run, "target");
	int tree = open_tree_of(at, "", AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0 || set_attributes(tree, AT_RECURSIVE, attributes) != 0 || move_onto(tree, at) != 0)
		return fail(run, "cover");
	return close_after(at, close_after(tree, 0));
}

VERB(pivot_root) {
	int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || fchdir(REGISTER(pivot_root_root)) != 0)
		return fail(run, "open");
	/* The old root lands on top of the new one, at the same place, and is taken off again: no directory is needed. */
	if (syscall(SYS_pivot_root, ".", ".") != 0)
		return fail(run, "pivot_root");
	if (fchdir(old) != 0 || sys_mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) != 0)
		return fail(run, "slave");
	if (syscall(SYS_umount2, ".", 2 /* MNT_DETACH */) != 0)
		return fail(run, "umount");
	return close_after(old, chdir("/"));
}

VERB(root_attrs) {
	struct mount_attr attributes = {.attr_set = NUMBER(root_attrs_attr_set)};
	struct mount_attr propagation = {.propagation = NUMBER(root_attrs_propagation)};
	int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return fail(run, "open");
	if (attributes.attr_set != 0 && set_attributes(at, 0, attributes) != 0)
		return fail(run, "attributes");
	return close_after(at, propagation.propagation == 0 ? 0 : set_attributes(at, 0, propagation));
}
