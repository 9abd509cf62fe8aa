/** The token of the invitation to which a path leads, which the auth server asks for; null for any other path. */
export function invitationToken(next: string): string | null {
  return /^\/invitations\/(lci_[A-Za-z0-9_-]{43})$/.exec(next)?.[1] ?? null;
}
