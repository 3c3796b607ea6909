/** Not one that a `#`, `/` or `?` in its password has cut in two, nor one that cannot be decoded. */
export function wholeUrl(value: unknown): URL | undefined {
  if (typeof value !== 'string' || /\s/.test(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  const { username, password, pathname, search, hash } = url;
  if (hash !== '' || (username === '' && (pathname + search).includes('@'))) return undefined;
  return [username, password, pathname].every(isDecodable) ? url : undefined;
}

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined;
  } catch {
    return false;
  }
}
