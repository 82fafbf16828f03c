/** What the forms offer: the simulator's own lists, asked for once. */
let asked;

export function choices() {
  asked ??= fetch('choices.json').then((response) => response.json());
  return asked;
}
