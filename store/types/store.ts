import type { Inbox } from './inbox.js';
import type { Processes } from './processes.js';

export interface StoredSignatureKey {
  gateway: string;
  keyId: string;
  publicKey: string;
  createdAt: Date | null;
  expiresAt: Date | null;
}

export interface SignatureKeys {
  find(keyId: string): Promise<StoredSignatureKey[]>;
  save(key: StoredSignatureKey): Promise<void>;
}

/** Seals and opens texts for one column of one row. */
export interface Sealer {
  /** `place` is table:column:row id, authenticated along with the text. */
  seal(plain: Buffer, place: string): string;
  /** Throws `SealingError` for an unknown key id, another place, or a changed text. */
  open(sealed: string, place: string): Buffer;
}

export interface Store {
  inbox: Inbox;
  processes: Processes;
  signatureKeys: SignatureKeys;
  close(): Promise<void>;
}
