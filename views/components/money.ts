/** An amount in minor units (cents) with its ISO currency. */
export type Money = { amount: number; currency: string }

/** '$29', '$29.50', '¥2,900': no decimals where there are none. */
export function moneyText({ amount, currency }: Money): string {
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency })
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2
  const value = amount / 10 ** digits
  if (!Number.isInteger(value)) return format.format(value)
  return new Intl.NumberFormat('en-US', { style: 'currency', currency, maximumFractionDigits: 0 }).format(
    value,
  )
}

/** Several currencies side by side; a plain zero when there are none. */
export function moneyList(amounts: Money[]): string {
  return amounts.length === 0 ? '0' : amounts.map(moneyText).join(' + ')
}
