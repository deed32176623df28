declare module '*/gantry-native' {
  /** Path that reads as the bytes of the native program. */
  const path: string;
  export default path;
}
