/** Forms and buttons: what they do, and what came of it said beside them. */
import { setAttribute, setText } from './dom.js';

/** Fired on the document after something was done, so that what is shown is asked for at once. */
export const DONE = 'simulator-done';

/** Says how something ended, in the line beside what caused it. */
export function say(line, text, failed = false) {
  // Emptied first: the same sentence twice is to be read out twice.
  line.textContent = '';
  line.classList.toggle('failed', failed);
  setText(line, failed ? `Not done. ${text}` : text);
}

/**
 * Does something once at a time, and says what came of it.
 * @param control the button or form, marked as busy meanwhile
 * @param line where the result is said
 * @param work gives the sentence to say
 */
export async function act(control, line, work) {
  if (control.getAttribute('aria-busy') === 'true') return;
  setAttribute(control, 'aria-busy', 'true');
  try {
    say(line, await work());
  } catch (error) {
    say(line, error.message, true);
  } finally {
    setAttribute(control, 'aria-busy', null);
    document.dispatchEvent(new Event(DONE));
  }
}

/** Lets a form do something when it is sent. `work` is given its fields, without those left empty. */
export function onSubmit(form, line, work) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void act(form, line, () => work(fieldsOf(form)));
  });
}

/** Lets a button do something. */
export function onClick(button, line, work) {
  button.addEventListener('click', () => void act(button, line, work));
}

function fieldsOf(form) {
  const filled = [...new FormData(form)].filter(([, value]) => typeof value === 'string' && value.trim() !== '');
  return Object.fromEntries(filled.map(([name, value]) => [name, value.trim()]));
}
