/* Verbs that build the root filesystem: mounts are made detached and attached onto an fd of their target. */
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "native.h"

static int sys_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data)
{
	return (int)syscall(SYS_mount, source, target, type, flags, data);
}

static int open_tree_of(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

static int set_attributes(int dir, const char *path, unsigned flags, struct mount_attr attributes)
{
	return (int)syscall(SYS_mount_setattr, dir, path, flags, &attributes, sizeof attributes);
}

static int move_onto(int mount, int target)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
	return (int)syscall(SYS_move_mount, mount, "", target, "", flags);
}

/* Attaches a detached mount at an inside path, made when missing; both fds are closed. */
static int attach(struct run *run, int mount, int root, const char *target, mode_t type)
{
	int at = ensure_in(root, target, type);
	if (at < 0)
		return fail(run, "target");
	if (move_onto(mount, at) != 0)
		return fail(run, "move_mount");
	close(at);
	close(mount);
	return 0;
}

int verb_propagation(struct run *run, const struct act *a)
{
	(void)run;
	return sys_mount(NULL, a->args[propagation_path].text, NULL, a->args[propagation_flags].number, NULL);
}

int verb_mount_host(struct run *run, const struct act *a)
{
	if (chdir(a->args[mount_host_cwd].text) != 0)
		return fail(run, "chdir");
	const char *type = a->args[mount_host_fstype].text, *data = a->args[mount_host_data].text;
	return sys_mount(a->args[mount_host_source].text, a->args[mount_host_target].text, *type ? type : NULL,
	                 a->args[mount_host_flags].number, *data ? data : NULL);
}

int verb_root(struct run *run, const struct act *a)
{
	int fd = open(a->args[root_path].text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(run, "open");
	run->registers[a->args[root_reg].number] = run->root = fd;
	return 0;
}

/* Sets one option of a new filesystem: "key" or "key=value". */
static int configure(int fs, char *option)
{
	char key[256];
	const char *value = strchr(option, '=');
	if (value == NULL)
		return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0);
	size_t length = (size_t)(value - option);
	if (length >= sizeof key) {
		errno = EINVAL;
		return -1;
	}
	memcpy(key, option, length);
	key[length] = '\0';
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value + 1, 0);
}

static int new_mount(struct run *run, const char *type, const char *source, struct cursor options, unsigned attributes)
{
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
	int error = errno;
	close(fs);
	errno = error;
	return mount < 0 ? fail(run, "fsmount") : mount;
}

int verb_mount_fs(struct run *run, const struct act *a)
{
	int root = run->registers[a->args[mount_fs_root].number];
	const char *type = a->args[mount_fs_fstype].text, *target = a->args[mount_fs_target].text;
	const struct argument *list = &a->args[mount_fs_options];
	struct cursor options = {list->text, list->text + list->length};
	int mount = new_mount(run, type, a->args[mount_fs_source].text, options, (unsigned)a->args[mount_fs_attrs].number);
	if (mount < 0)
		return -1;
	if (strcmp(type, "proc") != 0 && strcmp(type, "sysfs") != 0)
		return attach(run, mount, root, target, S_IFDIR);
	/* SAFETY: a link in the image would put /proc elsewhere, and what is covered below /proc would not be covered
	 * (CVE-2019-19921, CVE-2023-28642). */
	int at = ensure_in(root, target, S_IFDIR);
	while (*target == '/')
		target++;
	int plain = at < 0 ? -1 : open_beneath(root, target, O_PATH | O_DIRECTORY);
	if (plain < 0)
		return fail(run, "target");
	if (move_onto(mount, plain) != 0)
		return fail(run, "move_mount");
	close(plain);
	close(at);
	close(mount);
	return 0;
}

enum recursive { BIND_TREE = 1, BIND_ATTRIBUTES = 2, BIND_PROPAGATION = 4 };

/* A detached copy of a host path, or of what lies in it at subpath. */
static int copy_of(struct run *run, const char *source, const char *subpath, uint64_t recursive)
{
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

/* Attributes and propagation, each on the tree or its top as told. */
static int dress(struct run *run, int tree, uint64_t recursive, struct mount_attr wanted)
{
	struct mount_attr attributes = {.attr_set = wanted.attr_set, .attr_clr = wanted.attr_clr};
	struct mount_attr propagation = {.propagation = wanted.propagation};
	unsigned below = recursive & BIND_ATTRIBUTES ? AT_RECURSIVE : 0;
	if (attributes.attr_set & MOUNT_ATTR__ATIME || attributes.attr_clr & MOUNT_ATTR__ATIME)
		attributes.attr_clr |= MOUNT_ATTR__ATIME; /* the kernel's rule: the field is set as a whole */
	if ((attributes.attr_set | attributes.attr_clr) && set_attributes(tree, "", AT_EMPTY_PATH | below, attributes) != 0)
		return fail(run, "attributes");
	below = recursive & BIND_PROPAGATION ? AT_RECURSIVE : 0;
	if (propagation.propagation && set_attributes(tree, "", AT_EMPTY_PATH | below, propagation) != 0)
		return fail(run, "propagation");
	return 0;
}

static int attach_tree(struct run *run, int tree, int root, const char *target)
{
	struct stat st;
	if (fstat(tree, &st) != 0)
		return fail(run, "fstat");
	return attach(run, tree, root, target, S_ISDIR(st.st_mode) ? S_IFDIR : S_IFREG);
}

/* Puts what an fd stands for at an inside path as well. */
int bind_onto(struct run *run, int fd, int root, const char *target)
{
	int tree = open_tree_of(fd, "", AT_EMPTY_PATH);
	return tree < 0 ? fail(run, "open_tree") : attach_tree(run, tree, root, target);
}

int verb_mount_bind(struct run *run, const struct act *a)
{
	uint64_t recursive = a->args[mount_bind_recursive].number;
	int tree = copy_of(run, a->args[mount_bind_source].text, a->args[mount_bind_subpath].text, recursive);
	struct mount_attr wanted = {
		.attr_set = a->args[mount_bind_attr_set].number,
		.attr_clr = a->args[mount_bind_attr_clear].number,
		.propagation = a->args[mount_bind_propagation].number,
	};
	if (tree < 0 || dress(run, tree, recursive, wanted) != 0)
		return -1;
	return attach_tree(run, tree, run->registers[a->args[mount_bind_root].number], a->args[mount_bind_target].text);
}

int verb_open_tree(struct run *run, const struct act *a)
{
	int tree = copy_of(run, a->args[open_tree_source].text, a->args[open_tree_subpath].text,
	                   a->args[open_tree_recursive].number);
	run->registers[a->args[open_tree_reg].number] = tree;
	return tree < 0 ? -1 : 0;
}

int verb_attach_tree(struct run *run, const struct act *a)
{
	int tree = run->registers[a->args[attach_tree_tree].number];
	struct mount_attr wanted = {
		.attr_set = a->args[attach_tree_attr_set].number,
		.attr_clr = a->args[attach_tree_attr_clear].number,
		.propagation = a->args[attach_tree_propagation].number,
	};
	if (dress(run, tree, a->args[attach_tree_recursive].number, wanted) != 0)
		return -1;
	return attach_tree(run, tree, run->registers[a->args[attach_tree_root].number], a->args[attach_tree_target].text);
}

int verb_mount_attrs(struct run *run, const struct act *a)
{
	int at = open_in(run->registers[a->args[mount_attrs_root].number], a->args[mount_attrs_target].text, O_PATH);
	struct mount_attr wanted = {
		.attr_set = a->args[mount_attrs_attr_set].number,
		.attr_clr = a->args[mount_attrs_attr_clear].number,
	};
	if (at < 0)
		return fail(run, "target");
	int result = dress(run, at, 0, wanted);
	close(at);
	return result;
}

int verb_copy_up(struct run *run, const struct act *a)
{
	int from = open_in(run->registers[a->args[copy_up_root].number], a->args[copy_up_source].text, O_RDONLY | O_DIRECTORY);
	if (from < 0) /* nothing in the image at that path, or no directory: an empty volume is right */
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(run, "source");
	int to = open(a->args[copy_up_host_target].text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return fail(run, "target");
	int result = copy_tree(from, to);
	int error = errno;
	close(from);
	close(to);
	errno = error;
	return result;
}

/* A copy of the host's /dev/null: no name inside the root is asked for it, so none can be swapped (CVE-2025-31133).
 * Opened anew: the shim's own descriptor is of a mount in another namespace, which cannot be copied. */
static int null_cover(struct run *run)
{
	struct stat st;
	int null = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (null < 0 || fstat(null, &st) != 0)
		return fail(run, "/dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return fail_with(run, "/dev/null", ENODEV);
	int cover = open_tree_of(null, "", AT_EMPTY_PATH);
	close(null);
	return cover;
}

/* What covers a masked path: the host's own /dev/null, or an empty read-only directory that is made once. */
static int cover_for(struct run *run, bool is_dir)
{
	if (!is_dir)
		return null_cover(run);
	if (run->mask_mount >= 0)
		return open_tree_of(run->mask_mount, "", AT_EMPTY_PATH);
	struct cursor options = {NULL, NULL};
	unsigned attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	return run->mask_mount = new_mount(run, "tmpfs", "tmpfs", options, attributes);
}

int verb_mask_path(struct run *run, const struct act *a)
{
	struct stat st;
	int at = open_in(run->registers[a->args[mask_path_root].number], a->args[mask_path_path].text, O_PATH);
	if (at < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(run, "target");
	if (fstat(at, &st) != 0)
		return fail(run, "fstat");
	int cover = cover_for(run, S_ISDIR(st.st_mode));
	if (cover < 0)
		return fail(run, "cover");
	if (move_onto(cover, at) != 0)
		return fail(run, "move_mount");
	close(at);
	if (cover != run->mask_mount)
		close(cover);
	return 0;
}

int verb_readonly_path(struct run *run, const struct act *a)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	int at = open_in(run->registers[a->args[readonly_path_root].number], a->args[readonly_path_path].text, O_PATH);
	if (at < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail(run, "target");
	int tree = open_tree_of(at, "", AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0)
		return fail(run, "open_tree");
	if (set_attributes(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, attributes) != 0)
		return fail(run, "attributes");
	if (move_onto(tree, at) != 0)
		return fail(run, "move_mount");
	close(at);
	close(tree);
	return 0;
}

int verb_pivot_root(struct run *run, const struct act *a)
{
	int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || fchdir(run->registers[a->args[pivot_root_root].number]) != 0)
		return fail(run, "open");
	/* The old root lands on top of the new one, at the same place, and is taken off again: no directory is needed. */
	if (syscall(SYS_pivot_root, ".", ".") != 0)
		return fail(run, "pivot_root");
	if (fchdir(old) != 0 || sys_mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) != 0)
		return fail(run, "slave");
	if (syscall(SYS_umount2, ".", 2 /* MNT_DETACH */) != 0)
		return fail(run, "umount");
	close(old);
	return chdir("/");
}

int verb_root_attrs(struct run *run, const struct act *a)
{
	int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mount_attr wanted = {
		.attr_set = a->args[root_attrs_attr_set].number,
		.propagation = a->args[root_attrs_propagation].number,
	};
	if (at < 0)
		return fail(run, "open");
	int result = dress(run, at, 0, wanted);
	close(at);
	return result;
}
