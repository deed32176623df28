import { expect, test } from 'bun:test';
import { compileTemplate } from './execute.ts';
import { TemplateRow } from './row.ts';

const data = {
  Name: '/web',
  Count: 3,
  On: true,
  Off: false,
  Nothing: null,
  List: ['a', 'b'],
  Ports: { '443/tcp': null, '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }] },
  Config: { NanoCpus: 5, Labels: { 'com.example/x': 'y' } },
};

test.each([
  ['{{.Name}}', '/web'],
  ['{{json .List}} {{json .Nothing}}', '["a","b"] null'],
  ['{{.List}} {{.Config.Labels}} {{.Nothing}} {{.On}}', '[a b] map[com.example/x:y] [] true'],
  ['{{.Missing}}|{{.Missing.Deeper}}', '<no value>|<no value>'],
  ['{{.Config.NanoCPUs}}', '5'],
  ['{{index .Config.Labels "com.example/x"}}', 'y'],
  ['{{index .List 1}} {{len .List}} {{len .Name}}', 'b 2 4'],
  ['{{range .List}}<{{.}}>{{end}}', '<a><b>'],
  ['{{range $i, $v := .List}}{{$i}}={{$v}};{{end}}', '0=a;1=b;'],
  ['{{range $p, $c := .Ports}}{{$p}}{{if $c}} -> {{(index $c 0).HostPort}}{{end}},{{end}}', '443/tcp,80/tcp -> 8080,'],
  ['{{range .Nothing}}x{{else}}none{{end}}', 'none'],
  ['{{if and .On (not .Off)}}yes{{else}}no{{end}}', 'yes'],
  ['{{if .Off}}a{{else if eq .Count 3}}b{{else}}c{{end}}', 'b'],
  ['{{with .Config}}{{.NanoCpus}}{{$.Name}}{{end}}', '5/web'],
  ['{{$x := .Count}}{{if .On}}{{$x = 9}}{{end}}{{$x}}', '9'],
  ['{{.Name | upper | printf "%-6s|"}}', '/WEB  |'],
  ['{{printf "%05.1f %q %d%%" 3.14159 "a" 7}}', '003.1 "a" 7%'],
  [
    '{{join .List ","}} {{split "a:b" ":"}} {{title "two words"}} {{truncate "abcdef" 3}}[{{pad "x" 1 2}}]',
    'a,b [a b] Two Words abc[ x  ]',
  ],
  ['{{println "a" 1}}{{print 1 2 "x" 3}}', 'a 1\n1 2x3'],
  ['a {{- /* comment */ -}} b {{- " c " -}} d', 'ab c d'],
  ['{{"q\\"\\t"}}{{`raw\\t`}}', 'q"\traw\\t'],
  ['{{eq .Count 1 2 3}} {{ne .Name "x"}} {{lt 1 2}} {{ge "b" "a"}} {{or .Off "d"}}', 'true true true true d'],
  ['{{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', 'a'],
])('%p prints what Go prints', (source, printed) => {
  expect(compileTemplate(source)(data)).toBe(printed);
});

test.each([
  ['{{.Name', 'unclosed action'],
  ['{{if .On}}x', 'unexpected EOF'],
  ['{{nope .Name}}', 'function "nope" not defined'],
  ['{{index .List 9}}', 'index out of range: 9'],
  ['{{.Name.Deeper}}', "can't evaluate field Deeper"],
  ['{{end}}', 'unexpected {{end}}'],
  ['{{template "x"}}', '{{template}} is not supported'],
])('%p is refused', (source, message) => {
  expect(() => compileTemplate(source)(data)).toThrow(message);
});

test('a column is computed when it is named, one that is none says where, and JSON escapes as rows do', () => {
  const row = new TemplateRow('*formatter.ContainerContext', {
    ID: () => 'x',
    Arrow: () => '->',
    Label: (name) => `l-${name}`,
  });
  expect(compileTemplate('{{.ID}} {{.Label "a"}} {{json .}}')(row)).toBe('x l-a {"Arrow":"-\\u003e","ID":"x"}');
  expect(() => compileTemplate('ok\n  {{.Nope}}')(row)).toThrow(
    '2:4: executing "" at <.Nope>: can\'t evaluate field Nope in type *formatter.ContainerContext',
  );
});

test('a key that a document does not have is an error where inspect asks so', () => {
  expect(() => compileTemplate('{{.Config.Nope}}')(data, { missingKey: 'error' })).toThrow(
    '1:2: executing "" at <.Config.Nope>: map has no entry for key "Nope"',
  );
});
