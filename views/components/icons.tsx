import type { Child, Html } from '../jsx-runtime'

/** Every icon is decoration beside words, so assistive technology skips it. */
function Icon({ children, size = 20 }: { children?: Child; size?: number }): Html {
  return (
    <svg
      class="icon"
      viewBox="0 0 20 20"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  )
}

/** The mark: a globe carried on two legs, an A. */
export const AtlasMark = ({ size = 28 }: { size?: number }) => (
  <Icon size={size}>
    <circle cx="10" cy="5.9" r="2.7" />
    <path d="M8.5 8.2 5.3 16M11.5 8.2l3.2 7.8M6.7 12.8h6.6" />
  </Icon>
)

export const Check = () => (
  <Icon>
    <path d="m4.5 10.5 3.7 3.7 7.3-8" />
  </Icon>
)

export const Cross = () => (
  <Icon>
    <path d="m5.5 5.5 9 9m0-9-9 9" />
  </Icon>
)

export const Pause = () => (
  <Icon>
    <path d="M10 5.5V10l3 2" />
  </Icon>
)

export const Undone = () => (
  <Icon>
    <path d="M7.5 5 4.5 8l3 3M4.5 8h7a4 4 0 0 1 0 8H8" />
  </Icon>
)

export const Alert = () => (
  <Icon>
    <path d="M10 6.5v4.2M10 13.6v.1M10 2.8 1.9 16.6h16.2z" />
  </Icon>
)

export const Info = () => (
  <Icon>
    <circle cx="10" cy="10" r="7.4" />
    <path d="M10 9.2v4.3M10 6.5v.1" />
  </Icon>
)

export const ArrowRight = () => (
  <Icon>
    <path d="M4 10h12m-4.5-4.5L16 10l-4.5 4.5" />
  </Icon>
)

export const External = () => (
  <Icon size={16}>
    <path d="M8 4.5H4.5v11h11V12M11.5 4.5h4v4M15.2 4.8 9 11" />
  </Icon>
)

export const Search = () => (
  <Icon>
    <circle cx="8.8" cy="8.8" r="5" />
    <path d="m12.6 12.6 4 4" />
  </Icon>
)

export const Mail = () => (
  <Icon>
    <rect x="2.5" y="4.5" width="15" height="11" rx="2" />
    <path d="m3 6 7 5 7-5" />
  </Icon>
)

export const Server = () => (
  <Icon>
    <rect x="3" y="3.5" width="14" height="5.5" rx="1.5" />
    <rect x="3" y="11" width="14" height="5.5" rx="1.5" />
    <path d="M6 6.2v.1M6 13.7v.1" />
  </Icon>
)

export const Gauge = () => (
  <Icon>
    <path d="M3.5 14.5a7.5 7.5 0 1 1 13 0M10 11.5l3-3.6" />
  </Icon>
)

export const Inbox = () => (
  <Icon>
    <path d="M2.8 11.5 5 4.5h10l2.2 7v4H2.8zM2.8 11.5H7a3 3 0 0 0 6 0h4.2" />
  </Icon>
)

export const Play = () => (
  <Icon>
    <path d="M6.5 4.5v11l8.5-5.5z" />
  </Icon>
)

export const Pulse = () => (
  <Icon>
    <path d="M2.5 10.5h3l2.3-5.5 4 10.5 2.2-5h3.5" />
  </Icon>
)

export const Compare = () => (
  <Icon>
    <path d="M3 7h11l-3-3M17 13H6l3 3" />
  </Icon>
)

export const Waves = () => (
  <Icon>
    <path d="M3 14.5h3M8.5 14.5h3v-5h-3zM14 14.5h3v-10h-3zM3 14.5v-2h3v2" />
  </Icon>
)

export const SortArrow = ({ direction }: { direction: 'asc' | 'desc' }) => (
  <Icon size={14}>
    <path d={direction === 'asc' ? 'm5 12 5-5 5 5' : 'm5 8 5 5 5-5'} />
  </Icon>
)
