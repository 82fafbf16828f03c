import type { z } from 'zod';
import type * as answers from '../control/openapi/answers.js';
import type * as eventAnswers from '../control/openapi/event-answers.js';
import type * as overviewAnswers from '../control/openapi/overview-answers.js';
import type * as steeringAnswers from '../control/openapi/steering-answers.js';
import type * as schemas from '../control/schemas.js';
import type { SignRequest, Switches, switchesSchema } from '../world/switches.js';

/** Where the clock can be moved, and how. */
export type ClockMode = 'running' | 'frozen';

export type { SignRequest, Switches };
export type AppInput = z.input<typeof schemas.appSchema>;
export type InstallationInput = z.input<typeof schemas.installationSchema>;
export type UpdateInput = z.input<typeof schemas.updateSchema>;
export type UninstallInput = z.input<typeof schemas.uninstallSchema>;
export type RotateInput = z.input<typeof schemas.rotateSchema>;
export type TrialExpiryInput = z.input<typeof schemas.trialExpirySchema>;
export type TrialEndInput = z.input<typeof schemas.trialEndSchema>;
export type LogoutInput = z.input<typeof schemas.logoutSchema>;
export type OtherEventInput = z.input<typeof schemas.otherEventSchema>;
export type RawEventInput = z.input<typeof schemas.rawEventSchema>;
export type UserInput = z.input<typeof schemas.userSchema>;
export type SwitchesInput = z.input<typeof switchesSchema>;

export type Health = z.infer<typeof answers.healthAnswer>;
export type App = z.infer<typeof answers.appAnswer>;
export type Created = z.infer<typeof answers.createdAnswer>;
export type Installation = z.infer<typeof answers.installationAnswer>;
export type Settings = z.infer<typeof answers.settingsAnswer>;
export type Account = z.infer<typeof answers.accountAnswer>;
export type User = z.infer<typeof answers.userAnswer>;
export type Decision = z.infer<typeof answers.decisionsAnswer>['decisions'][number];
export type Made = z.infer<typeof eventAnswers.madeAnswer>;
export type Rotated = z.infer<typeof eventAnswers.rotatedAnswer>;
export type Event = z.infer<typeof eventAnswers.eventAnswer>;
export type Delivery = z.infer<typeof eventAnswers.deliveryAnswer>;
export type RawSent = z.infer<typeof eventAnswers.rawSentAnswer>;
export type Signed = z.infer<typeof eventAnswers.signedAnswer>;
export type RequestEntry = z.infer<typeof eventAnswers.requestAnswer>;
export type Clock = z.infer<typeof steeringAnswers.clockAnswer>;
export type Fault = z.infer<typeof steeringAnswers.faultAnswer>;
export type Hold = z.infer<typeof steeringAnswers.holdsAnswer>[number];
export type Scenario = z.infer<typeof steeringAnswers.scenarioAnswer>;
export type Verdicts = z.infer<typeof steeringAnswers.verdictsAnswer>;
export type Overview = z.infer<typeof overviewAnswers.overviewAnswer>;
export type LogLine = z.infer<typeof overviewAnswers.logLineAnswer>;
