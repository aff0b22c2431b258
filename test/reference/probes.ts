import type { Documented, Parameter } from './documented.ts';

/** One call that tries a parameter at one of its bounds. */
export interface Probe {
  /** `Weight 101` */
  readonly what: string;
  /** The parameter, or the field of a list, that the answer is about when it refuses. */
  readonly name: string;
  /** Instead of the good value; undefined = left out. */
  readonly value: unknown;
  readonly expect: 'taken' | 'refused' | 'missing';
}

/** Calls at every bound that is documented for a parameter. */
export function probesOf(parameter: Parameter): Probe[] {
  const { name } = parameter;
  const own = valuesOf(parameter).map((each) => ({ ...each, name, what: shown(name, each.value) }));
  const missing: Probe[] = parameter.required
    ? [{ name, what: `${name} absent`, value: undefined, expect: 'missing' }]
    : [];
  return [...own, ...missing, ...itemProbes(parameter)];
}

/** Those of the fields of a list's objects: each in a list of one object. */
function itemProbes({ items }: Documented): Probe[] {
  const fields = Object.entries(items?.fields ?? {});
  const good = goodObject(items ?? { type: 'object' });
  return fields.flatMap(([name, field]) =>
    probesOf({ ...field, name }).map((probe) => {
      const { [name]: _, ...others } = good;
      const object = probe.value === undefined ? others : { ...good, [name]: probe.value };
      return { ...probe, value: [object] };
    }),
  );
}

/** What lists of objects need besides the field that is tried. */
const goodItem: Readonly<Record<string, unknown>> = { ServerId: 'i-1', Weight: 1 };

type Tried = Pick<Probe, 'value' | 'expect'>;

function valuesOf(parameter: Documented): Tried[] {
  const { min, max, enum: values, minItems, maxItems, notSet = [] } = parameter;
  const taken = (value: unknown): Tried => ({ value, expect: 'taken' });
  const refused = (value: unknown): Tried => ({ value, expect: 'refused' });
  return [
    ...(min === undefined ? [] : [taken(min), refused(min - 1)]),
    ...(max === undefined ? [] : [taken(max), refused(max + 1)]),
    ...notSet.map(refused),
    ...(values ?? []).map(taken),
    ...(values === undefined ? [] : [refused('none-of-them')]),
    ...(parameter.type === 'boolean'
      ? [...['true', 'False', 'TRUE'].map(taken), refused('2')]
      : []),
    ...(parameter.type === 'integer' ? [refused('one'), refused('1.5')] : []),
    ...(minItems === undefined || minItems === 1 ? [] : [refused(list(parameter, minItems - 1))]),
    ...(maxItems === undefined
      ? []
      : [taken(list(parameter, maxItems)), refused(list(parameter, maxItems + 1))]),
    // No text takes a control character.
    ...(parameter.type === 'string' ? [refused('a\u0001')] : []),
    ...lengths(parameter),
  ];
}

/** Texts at their bounds; what a pattern does not take is refused. */
function lengths({ type, enum: values, minLength, maxLength, pattern }: Documented): Tried[] {
  if (type !== 'string' || values !== undefined) return [];
  const form = pattern === undefined ? undefined : new RegExp(pattern, 'u');
  const path = form !== undefined && !form.test('aaa') ? '/' : '';
  const of = (length: number) => `${path}${'a'.repeat(length - path.length)}`;
  return [
    ...(maxLength === undefined ? [] : [{ value: of(maxLength), expect: 'taken' } as const]),
    ...(maxLength === undefined ? [] : [{ value: of(maxLength + 1), expect: 'refused' } as const]),
    ...(minLength === undefined || minLength < 2
      ? []
      : [
          { value: of(minLength), expect: 'taken' } as const,
          { value: of(minLength - 1), expect: 'refused' } as const,
        ]),
    ...(form === undefined || form.test('http://a')
      ? []
      : [{ value: 'http://a', expect: 'refused' } as const]),
  ];
}

/** A list whose items are good, so that its length alone decides. */
function list({ items }: Documented, length: number): unknown[] {
  return Array.from({ length }, (_, index) => (items?.fields ? goodObject(items) : `i-${index}`));
}

function goodObject({ fields = {} }: Documented): Record<string, unknown> {
  const needed = Object.entries(fields).filter(([, { required }]) => required);
  if (needed.length === 0) return { Key: 'key', Value: 'value' };
  return Object.fromEntries(needed.map(([name]) => [name, goodItem[name]]));
}

function shown(name: string, value: unknown): string {
  return `${name} ${JSON.stringify(value)?.slice(0, 40)}`;
}
