/**
 * Passwords in URLs, and secrets in their queries, become `***`. Up to the last `@`, because a password that was not
 * percent-encoded may itself hold `@`, `/` and `#`.
 */
export function maskSecrets(text: string): string {
  return text
    .replace(/([a-z][a-z\d+.-]*:\/\/[^\s:@/]*:)\S*@/gi, '$1***@')
    .replace(/([^\s:@/,"]+:)[^\s@/,"*]+(?=@)/g, '$1***')
    .replace(/([?&;](?:password|passwd|pass|pwd|token|secret|api_?key)=)[^&;\s"']*/gi, '$1***');
}
