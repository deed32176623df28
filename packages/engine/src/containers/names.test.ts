import { expect, test } from 'bun:test';
import { generateName, parseContainerName } from './names.ts';

test('every made-up name is a valid name', () => {
  for (let step = 0; step < 1000; step++) {
    const name = generateName(() => step / 1000, step % 2);
    expect(parseContainerName(name)).toBe(name);
  }
});

test.each([['a'], ['/'], [''], ['-web'], ['.web'], ['we b'], ['web/x'], ['wéb'], ['web\n']])(
  'the name %j is refused with its own text in the message',
  (text) => {
    expect(() => parseContainerName(text)).toThrow(
      `Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  },
);

test.each([
  ['web', 'web'],
  ['/web', 'web'],
  ['a1', 'a1'],
  ['A_.-9', 'A_.-9'],
])('the name %j is taken as %j', (text, name) => {
  expect(parseContainerName(text)).toBe(name);
});
