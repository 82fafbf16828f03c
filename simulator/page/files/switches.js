/** The switches, one field each, made from the schema that the control API itself reads them by. */
import { onSubmit } from './act.js';
import { call } from './api.js';
import { choices } from './choices.js';
import { byId, element, setOptions } from './dom.js';

export function setUpSwitches() {
  const form = byId('switches-form');
  /** By the switch's path, such as `sign.curve`. */
  const fields = new Map();
  let current = null;

  void choices().then(({ switches }) => {
    const flat = Object.entries(switches.properties).flatMap(([name, schema]) =>
      schema.properties === undefined
        ? [[name, schema]]
        : Object.entries(schema.properties).map(([inner, innerSchema]) => [`${name}.${inner}`, innerSchema]),
    );
    for (const [path, schema] of flat) {
      const field = createField(path, schema);
      fields.set(path, field);
      byId('switches-fields').append(
        element('label', {}, element('span', { class: 'name' }, ...breakable(path)), field.input),
      );
    }
    show();
  });

  const isChanged = ({ input, shown }) => input.value !== shown;

  function show() {
    if (current === null) return;
    for (const [path, field] of fields) {
      const text = String(valueAt(current, path));
      // A change that is not applied yet is the person's, and stays.
      if (field.shown === undefined || !isChanged(field)) field.input.value = text;
      field.shown = text;
    }
  }

  onSubmit(form, byId('switches-result'), async () => {
    const changed = [...fields].filter(([, field]) => isChanged(field));
    if (changed.length === 0) return 'Nothing is changed.';
    const body = {};
    for (const [path, { input, read }] of changed) setAt(body, path, read(input.value));
    current = await call('PATCH', '/switches', body);
    for (const [, field] of changed) field.shown = undefined;
    show();
    return `Changed: ${changed.map(([path]) => path).join(', ')}.`;
  });
  form.addEventListener('reset', (event) => {
    event.preventDefault();
    for (const field of fields.values()) field.input.value = field.shown ?? '';
  });

  return {
    show({ switches }) {
      current = switches;
      show();
    },
  };
}

/** A select where the schema lists values, else a field for a number or a text. */
function createField(path, schema) {
  const values =
    schema.enum ?? schema.anyOf?.map((option) => option.const) ?? (schema.type === 'boolean' ? [true, false] : null);
  if (values === null || values.includes(undefined)) {
    const isNumber = schema.type === 'integer' || schema.type === 'number';
    const input = element('input', { name: path, autocomplete: 'off', ...(isNumber && { inputmode: 'numeric' }) });
    return { input, read: (text) => (isNumber && text.trim() !== '' ? Number(text) : text) };
  }
  const input = element('select', { name: path });
  setOptions(
    input,
    values.map((value) => [value]),
  );
  return { input, read: (text) => values.find((value) => String(value) === text) };
}

/** A long name may be broken after its underscores. */
function breakable(path) {
  return path.split(/(?<=[_.])/).flatMap((part) => [part, element('wbr')]);
}

function valueAt(object, path) {
  return path.split('.').reduce((value, name) => value?.[name], object);
}

function setAt(object, path, value) {
  const [name, inner] = path.split('.');
  if (inner === undefined) object[name] = value;
  else object[name] = { ...object[name], [inner]: value };
}
