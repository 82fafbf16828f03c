export { lifecycleWorkflow } from './lifecycle.js';
export { logoutWorkflow } from './logout.js';
export { requestRotationWorkflow } from './request-rotation.js';
