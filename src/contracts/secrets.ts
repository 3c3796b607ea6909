/**
 * Passwords in URLs, and secrets in their queries, become `***`. Up to the last `@`, because a password that was not
 * percent-encoded may itself hold `@`, `/` and `#`; and white space, unless what stands there is a port.
 *
 * The text may be long and another's, so no part of it is tried again and again: a match begins where a word begins
 * (`(?<!…)`), and no password is longer than a token that is one (4000).
 */
export function maskSecrets(text: string): string {
  return text
    .replace(
      /(?<![a-z\d+.-])([a-z\d+.-]+:\/\/[^\s:@/]*:)(?:\S{0,4000}@|(?!\d*(?:[\s/?#,;)\]}"']|:\s|$))[^\n@]{0,4000}@(?:\S{0,4000}@)?)/gi,
      '$1***@',
    )
    .replace(/(?<![^\s@/,"])([^\s:@/,"]+:)[^\s@/,"*]+(?=@)/g, '$1***')
    .replace(/([?&;](?:password|passwd|pass|pwd|token|secret|api_?key)=)[^&;\s"']*/gi, '$1***');
}
