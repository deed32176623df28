/* Generated from src/verbs.ts and src/shim/protocol.ts by generate.ts: do not edit. */
#ifndef GANTRY_VERBS_H
#define GANTRY_VERBS_H

#define PLAN_MAGIC 0x4e4c5047u
#define PLAN_VERSION 2u
#define PLAN_MAX_BYTES 8388608u
#define PROTOCOL_VERSION 1
#define REGISTER_COUNT 232
#define NO_REGISTER 255
#define MAX_ARGUMENTS 8

/* name, wire code, half, argument types: u U numbers, s S texts, b bytes, i j registers read, o assigned */
#define VERBS(X) \
	X(open, 1, BOTH, "suo") \
	X(write_file, 2, BOTH, "sb") \
	X(cgroup_make, 3, PARENT, "su") \
	X(netlink_socket, 4, BOTH, "uo") \
	X(netlink, 5, BOTH, "ibbj") \
	X(clone, 10, PARENT, "Uj") \
	X(setns, 11, BOTH, "iu") \
	X(unshare, 12, CHILD, "u") \
	X(cgroup_join, 13, CHILD, "s") \
	X(hostname, 14, CHILD, "s") \
	X(domainname, 15, CHILD, "s") \
	X(pidfd_open, 16, PARENT, "uUo") \
	X(bpf_devices, 17, PARENT, "ib") \
	X(propagation, 20, CHILD, "sU") \
	X(mount_host, 21, CHILD, "ssssUs") \
	X(root, 22, CHILD, "so") \
	X(mount_fs, 23, CHILD, "isssUS") \
	X(mount_bind, 24, CHILD, "isssuUUU") \
	X(copy_up, 25, CHILD, "iss") \
	X(mask_path, 26, CHILD, "is") \
	X(readonly_path, 27, CHILD, "is") \
	X(mknod, 28, CHILD, "isuuuuu") \
	X(symlink, 29, CHILD, "iss") \
	X(mkdir, 30, CHILD, "isuuu") \
	X(sysctl, 31, CHILD, "iss") \
	X(console, 32, CHILD, "iuuu") \
	X(pivot_root, 33, CHILD, "i") \
	X(root_attrs, 34, CHILD, "UU") \
	X(open_tree, 35, CHILD, "ssuo") \
	X(attach_tree, 36, CHILD, "iisuUUU") \
	X(mount_attrs, 37, CHILD, "isUU") \
	X(setsid, 40, CHILD, "") \
	X(oom_score_adj, 41, CHILD, "s") \
	X(rlimit, 42, CHILD, "uUU") \
	X(umask, 43, CHILD, "u") \
	X(personality, 44, CHILD, "U") \
	X(keyring, 45, CHILD, "s") \
	X(io_priority, 46, CHILD, "u") \
	X(scheduler, 47, CHILD, "b") \
	X(affinity, 48, CHILD, "b") \
	X(exec_label, 49, CHILD, "is") \
	X(bounding_set, 50, CHILD, "U") \
	X(user, 51, CHILD, "uub") \
	X(user_lookup, 52, CHILD, "sS") \
	X(capabilities, 53, CHILD, "UUUU") \
	X(no_new_privileges, 54, CHILD, "") \
	X(seccomp, 55, CHILD, "bu") \
	X(chdir, 56, CHILD, "su") \
	X(await_beside, 59, CHILD, "") \
	X(ready, 57, CHILD, "") \
	X(exec, 58, CHILD, "SS")

enum { open_path, open_flags, open_reg };
enum { write_file_path, write_file_data };
enum { cgroup_make_path, cgroup_make_mode };
enum { netlink_socket_family, netlink_socket_reg };
enum { netlink_socket, netlink_messages, netlink_patch_offsets, netlink_patch_reg };
enum { clone_flags, clone_cgroup };
enum { setns_reg, setns_flags };
enum { unshare_flags };
enum { cgroup_join_path };
enum { hostname_name };
enum { domainname_name };
enum { pidfd_open_pid, pidfd_open_start_ticks, pidfd_open_reg };
enum { bpf_devices_cgroup, bpf_devices_program };
enum { propagation_path, propagation_flags };
enum { mount_host_cwd, mount_host_source, mount_host_target, mount_host_fstype, mount_host_flags, mount_host_data };
enum { root_path, root_reg };
enum { mount_fs_root, mount_fs_target, mount_fs_fstype, mount_fs_source, mount_fs_attrs, mount_fs_options };
enum { mount_bind_root, mount_bind_source, mount_bind_subpath, mount_bind_target, mount_bind_recursive, mount_bind_attr_set, mount_bind_attr_clear, mount_bind_propagation };
enum { copy_up_root, copy_up_source, copy_up_host_target };
enum { mask_path_root, mask_path_path };
enum { readonly_path_root, readonly_path_path };
enum { mknod_root, mknod_path, mknod_mode, mknod_major, mknod_minor, mknod_uid, mknod_gid };
enum { symlink_root, symlink_path, symlink_target };
enum { mkdir_root, mkdir_path, mkdir_mode, mkdir_uid, mkdir_gid };
enum { sysctl_root, sysctl_key, sysctl_value };
enum { console_root, console_rows, console_columns, console_bind };
enum { pivot_root_root };
enum { root_attrs_attr_set, root_attrs_propagation };
enum { open_tree_source, open_tree_subpath, open_tree_recursive, open_tree_reg };
enum { attach_tree_tree, attach_tree_root, attach_tree_target, attach_tree_recursive, attach_tree_attr_set, attach_tree_attr_clear, attach_tree_propagation };
enum { mount_attrs_root, mount_attrs_target, mount_attrs_attr_set, mount_attrs_attr_clear };
enum { oom_score_adj_value };
enum { rlimit_resource, rlimit_soft, rlimit_hard };
enum { umask_mask };
enum { personality_persona };
enum { keyring_name };
enum { io_priority_value };
enum { scheduler_attributes };
enum { affinity_mask };
enum { exec_label_reg, exec_label_label };
enum { bounding_set_mask };
enum { user_uid, user_gid, user_groups };
enum { user_lookup_spec, user_lookup_groups };
enum { capabilities_effective, capabilities_permitted, capabilities_inheritable, capabilities_ambient };
enum { seccomp_program, seccomp_flags };
enum { chdir_path, chdir_create };
enum { exec_argv, exec_env };

enum frame_type {
	FRAME_STDOUT = 1,
	FRAME_STDERR = 2,
	FRAME_START = 16,
	FRAME_SIGNAL = 17,
	FRAME_RESIZE = 18,
	FRAME_ATTACH = 20,
	FRAME_CONTROL = 21,
	FRAME_CREATED = 32,
	FRAME_STARTED = 33,
	FRAME_FAILED = 34,
	FRAME_EXITED = 35,
	FRAME_STATUS = 36,
	FRAME_ERROR = 37,
};

#endif
