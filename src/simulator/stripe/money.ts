/** Minor units as people write them: 2900 usd is `$29.00`, 500 jpy is `¥500`. */
export function amountWords(minor: number, currency: string): string {
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency })
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
}
