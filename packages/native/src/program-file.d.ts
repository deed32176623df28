declare module '*/gantry-init' {
  /** Path that reads as the bytes of the init of containers. */
  const path: string;
  // biome-ignore lint/style/noDefaultExport: the form in which Bun gives an embedded file
  export default path;
}
declare module '*/gantry-native' {
  /** Path that reads as the bytes of the native program. */
  const path: string;
  // biome-ignore lint/style/noDefaultExport: the form in which Bun gives an embedded file
  export default path;
}
