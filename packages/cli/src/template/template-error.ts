/** A `--format` that cannot be read or does not fit its data; the message is the tail of Go's. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}
