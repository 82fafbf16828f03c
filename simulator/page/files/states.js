/** States in words with a sign, so that nothing is said by colour alone. */
const SIGNS = {
  installing: '◔',
  updating: '◔',
  uninstalled: '◔',
  completed: '✓',
  rejected: '✕',
  timeout: '✕',
  suspended: '‖',
  revoked: '–',
};

export function stateText(state) {
  return `${SIGNS[state] ?? '•'} ${state}`;
}
