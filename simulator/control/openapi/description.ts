import type { z } from 'zod';

/** What the OpenAPI document says about a route of the control API, besides its method and path. */
export interface Description {
  /** What it does, in a sentence without a full stop. */
  summary: string;
  /** More, in sentences. */
  details?: string;
  query?: z.ZodObject;
  /** What the route reads its input with. */
  body?: z.ZodType;
  /** The body is a text of one of these types, as well as JSON. */
  textTypes?: string[];
  /** The status of success. */
  status: 200 | 201 | 202;
  answer: z.ZodType;
}

/** Descriptions by method and path: `POST /installations/{installation_id}/update`. */
export type Descriptions = Record<string, Description>;
