/** State of one installation as last read from Talkdesk. */
export interface Snapshot {
  remoteState: string;
  remoteStateWord: string;
  remoteUpdatedAt: Date | null;
  companyName: string | null;
  planName: string | null;
  /** `trial` or `paid`, as the subscription says; null when it does not. */
  planType: string | null;
  licenses: number | null;
  adminUserId: string | null;
  scopes: string[];
  users: { talkdeskUserId: string; email: string | null; name: string | null; active: boolean | null }[];
  readAt: Date;
}

/** A licensed user, for the product. */
export interface UserRow {
  talkdeskUserId: string;
  email: string | null;
  name: string | null;
  admin: boolean;
  /** Talkdesk's own flag; null when it does not say. */
  active: boolean | null;
  /** Null until the product has answered once. */
  productUserId: string | null;
  /** The seat as the product confirmed it last; null until then. */
  seat: 'active' | 'suspended' | null;
  /** When the user became licensed without a gap until now. */
  assignedAt: Date;
}

/** What the product answered for one user. */
export interface MappedUser {
  talkdeskUserId: string;
  productUserId: string;
  seat: 'active' | 'suspended';
}

/** The settings that were in force before an update, for the product. */
export interface SettingsBefore {
  accountName: string;
  planName: string | null;
  licenses: number | null;
  users: UserRow[];
}
