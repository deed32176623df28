import { EngineError, shortId } from '@gantry/base';
import type { LogOrigin } from './types.ts';

export type TagFacts = Pick<LogOrigin, 'id' | 'name' | 'imageId' | 'imageName' | 'attributes'>;

const daemonName = 'docker';

const fields: Readonly<Record<string, (facts: TagFacts) => string>> = {
  ID: ({ id }) => shortId(id),
  FullID: ({ id }) => id,
  Name: ({ name }) => name,
  ImageID: ({ imageId }) => shortId(imageId.replace(/^sha256:/, '')),
  ImageFullID: ({ imageId }) => imageId,
  ImageName: ({ imageName }) => imageName,
  DaemonName: () => daemonName,
};

/**
 * Fills in a tag: text with `{{.ID}}`, `{{.Name}}` and the other fields that Docker documents, and
 * `{{(.ExtraAttributes nil).NAME}}`.
 *
 * Docker differs: its tags are whole Go templates; what is more than a field is refused.
 *
 * @throws invalid with Docker's texts
 */
export function formatTag(template: string, facts: TagFacts): string {
  const open = template.lastIndexOf('{{');
  if (open >= 0 && template.indexOf('}}', open) < 0)
    throw new EngineError('invalid', 'template: log-tag:1: unclosed action');
  return template.replace(/\{\{(.*?)\}\}/g, (_, action: string, at: number) => {
    const attribute = /^\s*\(\s*\.ExtraAttributes\s+nil\s*\)\.(\w+)\s*$/.exec(action)?.[1];
    if (attribute !== undefined) return facts.attributes[attribute] ?? '<no value>';
    const name = /^\s*\.(\w+)\s*$/.exec(action)?.[1];
    if (name === undefined)
      throw new EngineError('invalid', `template: log-tag:1:${at + 2}: only fields are supported in a tag`, {
        hint: `use ${Object.keys(fields)
          .map((field) => `{{.${field}}}`)
          .join(', ')}`,
      });
    const field = fields[name];
    if (field === undefined)
      throw new EngineError(
        'invalid',
        `template: log-tag:1:${at + 2}: executing "log-tag" at <.${name}>: can't evaluate field ${name} in type *logger.Info`,
      );
    return field(facts);
  });
}
