/** One value for one cgroup file, in the order in which they are to be written. */
export type FileWrite = { readonly path: string; readonly data: string };
