import { describe, expect, test } from 'bun:test';
import { createBody } from '../nouns/create-request.ts';
import { updateBody } from '../nouns/update.ts';
import { array, bool, field, int, keySet, object, oneOf, optional, record, text, words } from './codec.ts';
import { formatJson, parseJson } from './json.ts';
import { queryFilters, queryInt, queryList, queryMoment, querySwitch, querySwitchOn, queryText } from './query.ts';

describe('codecs are as lenient as Go', () => {
  const shape = object({ memory: field('Memory', int), name: field('Name', text), tags: field('Tags', array(text)) });

  test.each([
    ['absent members are zero', '{}', { memory: 0, name: '', tags: [] }],
    ['null is zero', '{"Memory":null,"Name":null,"Tags":null}', { memory: 0, name: '', tags: [] }],
    ['null for the whole is zero', 'null', { memory: 0, name: '', tags: [] }],
    ['letter case does not matter', '{"memory":1,"NAME":"a"}', { memory: 1, name: 'a', tags: [] }],
    ['unknown members are ignored', '{"Nope":{},"Memory":2}', { memory: 2, name: '', tags: [] }],
  ])('%s', (_fact, wire, value) => {
    expect(shape.parse(parseJson(wire), '')).toEqual(value);
  });

  test('one string stands for a list of words', () => {
    expect(words.parse('sh', 'Cmd')).toEqual(['sh']);
    expect(optional(words).parse(undefined, 'Cmd')).toBeUndefined();
    expect(optional(words).parse([], 'Cmd')).toEqual([]);
  });

  test('a set is an object of empty objects', () => {
    expect(keySet.parse({ '80/tcp': {} }, '')).toEqual(['80/tcp']);
    expect(keySet.print(['80/tcp'])).toEqual({ '80/tcp': {} });
  });
});

describe('what does not fit is refused by its name', () => {
  test.each([
    ['{"HostConfig":{"Memory":"x"}}', 'HostConfig.Memory: expected a number, got "x"'],
    ['{"HostConfig":{"Memory":1.5}}', 'HostConfig.Memory: expected a whole number, got 1.5'],
    ['{"Image":5}', 'Image: expected a string, got 5'],
    ['{"Tty":"yes"}', 'Tty: expected true or false, got "yes"'],
    ['{"Env":{}}', 'Env: expected an array, got {}'],
    ['{"Env":["a",1]}', 'Env[1]: expected a string, got 1'],
    ['{"Labels":{"a":1}}', 'Labels["a"]: expected a string, got 1'],
    [
      '{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":80}]}}}',
      'HostConfig.PortBindings["80/tcp"][0].HostPort: expected a string, got 80',
    ],
    ['[]', 'body: expected an object, got []'],
    [
      '{"HostConfig":{"RestartPolicy":{"Name":"never"}}}',
      "invalid restart policy: unknown policy 'never'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
    ],
    ['{"HostConfig":{"Mounts":[{"Type":"nfs"}]}}', 'invalid mount config for type "nfs": mount type unknown'],
    ['{"HostConfig":{"ConsoleSize":[1]}}', 'HostConfig.ConsoleSize: expected [height, width], got 1 numbers'],
  ])('%s', (wire, message) => {
    expect(() => createBody.parse(parseJson(wire), '')).toThrow(message);
  });

  test('a value that is too deep to print', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(() => createBody.parse(parseJson(deep), '')).toThrow('body: expected an object, got something too deep');
  });

  test.each([
    ['', 'invalid JSON: got EOF while reading request body'],
    ['{"Image":', 'invalid JSON: unexpected EOF'],
    ['{"Image":"x', 'invalid JSON: unexpected EOF'],
  ])('JSON that breaks off: %s', (wire, message) => {
    expect(() => parseJson(wire)).toThrow(message);
  });
});

describe('printing', () => {
  test('a pointer to nothing is left out, a pointer to zero is not', () => {
    const shape = object({
      init: field('Init', optional(bool), 'omit'),
      timeout: field('StopTimeout', optional(int), 'omit'),
      name: field('Name', text, 'omit'),
      binds: field('Binds', array(text), 'null'),
      options: field('Options', record(text)),
    });
    expect(shape.print({ init: false, timeout: 0, name: '', binds: [], options: {} })).toEqual({
      Init: false,
      StopTimeout: 0,
      Binds: null,
      Options: {},
    });
    expect(shape.print(shape.zero)).toEqual({ Binds: null, Options: {} });
  });

  test('a member called __proto__ is a member', () => {
    const parsed = record(text).parse(parseJson('{"__proto__":"x"}'), 'Labels');
    expect(Object.keys(parsed)).toEqual(['__proto__']);
  });

  test('nanoseconds keep every digit', () => {
    expect(formatJson({ timeNano: 1795217198732101989n, left: undefined, list: [1n] })).toBe(
      '{"timeNano":1795217198732101989,"list":[1]}',
    );
  });

  test('what is printed parses back to the same value', () => {
    const value = createBody.parse(
      parseJson(
        '{"Image":"a","Cmd":["b"],"HostConfig":{"Memory":5,"Init":true,"Ulimits":[{"Name":"n","Soft":1,"Hard":2}]}}',
      ),
      '',
    );
    expect(createBody.parse(createBody.print(value), '')).toEqual(value);
  });

  test('an update without a policy leaves the policy alone', () => {
    expect(updateBody.parse({ Memory: 1 }, '').restartPolicy).toBeUndefined();
    expect(updateBody.parse({ RestartPolicy: { Name: 'always' } }, '').restartPolicy?.name).toBe('always');
  });

  test('a closed set gives its first word for nothing', () => {
    expect(oneOf(['a', 'b']).parse(undefined, 'X')).toBe('a');
    expect(() => oneOf(['a', 'b']).parse('c', 'X')).toThrow('X: expected "a" or "b", got "c"');
  });
});

describe('queries', () => {
  test.each([
    ['', false],
    ['0', false],
    ['no', false],
    ['False', false],
    ['none', false],
    ['1', true],
    ['true', true],
    ['anything', true],
  ])('a switch reads %j as %s', (given, value) => {
    expect(querySwitch.parse(given, 'all')).toBe(value);
  });

  test('an absent switch is off, or on where it is on by itself', () => {
    expect([querySwitch.parse(undefined, ''), querySwitchOn.parse(undefined, '')]).toEqual([false, true]);
  });

  test.each([
    ['1795217198', 1795217198000000000n],
    ['1795217198.5', 1795217198500000000n],
    ['1795217198.000000001', 1795217198000000001n],
    ['2026-11-20T23:26:38Z', 1795217198000000000n],
    ['', 0n],
  ])('the moment %s', (given, nanos) => {
    expect(queryMoment.parse(given, 'since')).toBe(nanos);
  });

  test('a moment survives the way to the wire and back', () => {
    expect(queryMoment.parse(queryMoment.print(1795217198732101989n), '')).toBe(1795217198732101989n);
  });

  test.each([
    ['{"label":["a","b"]}', [['label', ['a', 'b']]]],
    ['{"label":{"a":true,"b":false}}', [['label', ['a']]]],
    ['', []],
    ['null', []],
  ])('filters %s', (given, entries) => {
    expect([...queryFilters.parse(given, '')]).toEqual(entries as [string, string[]][]);
  });

  test.each(['x', '[]', '{"a":1}', '{"a":[1]}'])('filters %s are refused', (given) => {
    expect(() => queryFilters.parse(given, '')).toThrow('invalid filter');
  });

  test('of a parameter given twice the first counts, unless it is a list', () => {
    expect(queryText.parse(['a', 'b'], '')).toBe('a');
    expect(queryList.parse(['a', 'b'], '')).toEqual(['a', 'b']);
    expect(queryList.parse('a', '')).toEqual(['a']);
  });

  test('a number that is none is refused by name', () => {
    expect(() => queryInt.parse('x', 'limit')).toThrow('limit: expected a whole number, got "x"');
  });
});
