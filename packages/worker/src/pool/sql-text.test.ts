import { expect, test } from 'vitest';
import { fillRaw, splitStatements, type SqlDialect } from './sql-text.ts';

const texts = (sql: string, dialect: SqlDialect = 'sqlite'): string[] =>
  splitStatements(sql, dialect).map((one) => one.text);

test.each<[SqlDialect, string, string[]]>([
  ['sqlite', 'select 1; select 2 ;; -- end;\n', ['select 1', 'select 2']],
  [
    'sqlite',
    "select ';' || \"a;b\" || `c;d` || [e;f]; select 'it''s; x'",
    ['select \';\' || "a;b" || `c;d` || [e;f]', "select 'it''s; x'"],
  ],
  ['sqlite', 'select 1 /* a; b */; -- c; d\nselect 2', ['select 1 /* a; b */', '-- c; d\nselect 2']],
  [
    'sqlite',
    'create trigger t after insert on a begin update b set x = 1; delete from c; end; select 1',
    ['create trigger t after insert on a begin update b set x = 1; delete from c; end', 'select 1'],
  ],
  [
    'postgres',
    'select $$a;b$$; select $x$ $$;$$ $x$; select 1',
    ['select $$a;b$$', 'select $x$ $$;$$ $x$', 'select 1'],
  ],
  ['postgres', "select E'a\\';b'; select 'a\\'; select 2", ["select E'a\\';b'", "select 'a\\'", 'select 2']],
  ['postgres', 'select 1 /* a /* b; */ c; */; select 2', ['select 1 /* a /* b; */ c; */', 'select 2']],
  ['mysql', "select 'a\\';b'; # x; y\nselect 2", ["select 'a\\';b'", '# x; y\nselect 2']],
  ['sqlite', ' ;-- nothing\n/* here */', []],
])('%s: %j is cut where statements end', (dialect, sql, expected) => {
  expect(texts(sql, dialect)).toEqual(expected);
});

test('a placeholder becomes a bound value in the form of each driver', () => {
  const bindings = [
    { name: 'a', quoted: false },
    { name: 'b.c', quoted: false },
  ];
  expect(splitStatements('select ${a}, ${b.c}', 'sqlite')).toEqual([{ text: 'select ?, ?', bindings }]);
  expect(splitStatements('select ${a}, ${b.c}', 'mysql')).toEqual([{ text: 'select ?, ?', bindings }]);
  expect(splitStatements('select ${a}, ${b.c}', 'postgres')).toEqual([{ text: 'select $1, $2', bindings }]);
});

test('inside a literal it is bound too, as text, and the rest of the literal stays a literal', () => {
  const sql = "select '${a}', 'x-${a}-''${b}'";
  const bindings = ['a', 'a', 'b'].map((name) => ({ name, quoted: true }));
  expect(splitStatements(sql, 'sqlite')).toEqual([{ text: "select ?, ('x-' || ? || '-''' || ?)", bindings }]);
  expect(splitStatements(sql, 'mysql')).toEqual([{ text: "select ?, concat('x-', ?, '-''', ?)", bindings }]);
  expect(splitStatements(sql, 'postgres')).toEqual([
    { text: "select cast($1 as text), ('x-' || cast($2 as text) || '-''' || cast($3 as text))", bindings },
  ]);
});

test('in a comment or a quoted name it means nothing', () => {
  expect(splitStatements('select 1 as "${a}" -- ${b}\n', 'sqlite')).toEqual([
    { text: 'select 1 as "${a}" -- ${b}', bindings: [] },
  ]);
});

test('raw values are put in only from the list', () => {
  expect(fillRaw('select * from !{t}', { t: 'jan' }, { t: ['jan', 'feb'] })).toBe('select * from jan');
  expect(() => fillRaw('!{t}', { t: 'x; drop' }, { t: ['jan'] })).toThrow('not among those');
  expect(() => fillRaw('!{t}', { t: 'jan' }, {})).toThrow('no t');
  expect(() => fillRaw('!{t}', {}, { t: ['jan'] })).toThrow('no parameter named t');
});
