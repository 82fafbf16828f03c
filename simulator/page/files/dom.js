/** What is shown is data of strangers: it is set as text, never as markup. */

/** @returns {HTMLElement} the element of this id, which the page has */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element ${id}.`);
  return element;
}

/**
 * Makes an element.
 * @param attributes plain attributes; `onclick` a listener
 * @param children elements and texts
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'onclick') made.addEventListener('click', value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Sets a text; an element that says it already is left alone, so that a selection and the focus stay. */
export function setText(target, text) {
  const wanted = text ?? '';
  if (target.textContent !== String(wanted)) target.textContent = wanted;
}

/** Sets an attribute, or takes it away for null. */
export function setAttribute(target, name, value) {
  if (value === null) target.removeAttribute(name);
  else if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

const shownIn = new WeakMap();

/**
 * Shows items as children of `parent`, in their order. A child stays the same element as long as its key is there, and is not moved
 * without need: what a person has focused or opened stays so.
 * @param keyOf gives an item's key as text
 * @param create makes the element of an item: { root, update(item) }
 */
export function showItems(parent, items, keyOf, create) {
  const before = shownIn.get(parent) ?? new Map();
  const now = new Map();
  for (const item of items) {
    const key = keyOf(item);
    now.set(key, before.get(key) ?? create(item));
  }
  for (const [key, { root }] of before) if (!now.has(key)) root.remove();
  let next = parent.firstElementChild;
  for (const { root } of now.values()) {
    if (root === next) next = next.nextElementSibling;
    else parent.insertBefore(root, next);
  }
  for (const item of items) now.get(keyOf(item)).update(item);
  shownIn.set(parent, now);
}

/** Fills a select with values; what was chosen stays chosen if it is still there. */
export function setOptions(select, options) {
  const wanted = options.map(([value, label]) => [String(value), label ?? String(value)]);
  const current = [...select.options].map((option) => [option.value, option.textContent]);
  if (JSON.stringify(wanted) === JSON.stringify(current)) return;
  const chosen = select.value;
  select.replaceChildren(...wanted.map(([value, label]) => element('option', { value }, label)));
  if (wanted.some(([value]) => value === chosen)) select.value = chosen;
}
