import { Check } from '../components/icons'
import { Rail, RailItem } from '../components/rail'
import type { Child, Html } from '../jsx-runtime'
import { type Brand, ShopPage } from '../layout/shop-page'
import { PlanCard, type PlanView } from './plan-card'
import { QueueNote } from './queue-note'

export type LandingProps = {
  brand: Brand
  /** A sentence or two under the tagline; from the blueprint. */
  description?: string
  plans: PlanView[]
  /** What every plan comes with; from the blueprint. */
  features: string[]
  /** The domain under which customers' names live, such as `example.com`. */
  domain: string
  /** Whether an operator looks at every signup before its server is made. */
  approval: 'automatic' | 'manual'
  /** Whether new sites wait for room. */
  isQueueing?: boolean
}

/** The shop's front page. */
export function LandingPage(props: LandingProps): Html {
  const { brand, plans, domain } = props
  return (
    <ShopPage
      brand={brand}
      title={brand.name}
      description={props.description ?? brand.tagline}
      indexed={true}
    >
      <section class="hero shop-width">
        <div class="hero-words">
          <h1>{brand.tagline}</h1>
          <p class="lead">
            {props.description ?? `${brand.name} on a server of your own, at a name of your own.`}
          </p>
          <p class="button-row">
            <a class="button button-primary button-large" href="#plans">
              See the plans
            </a>
            <a class="button button-quiet button-large" href="#how">
              How it works
            </a>
          </p>
        </div>
        <HeroSlip domain={domain} />
      </section>
      <Features features={props.features} />
      <section class="shop-width section" id="plans" aria-labelledby="plans-title">
        <h2 id="plans-title">Plans</h2>
        <p class="section-lead">Every plan is a whole server that only you use.</p>
        <QueueNote isQueueing={props.isQueueing} />
        <div class="plans">
          {plans.map((plan) => (
            <PlanCard plan={plan} />
          ))}
        </div>
      </section>
      <HowItWorks {...props} />
      <Reassurance {...props} />
    </ShopPage>
  )
}

function Features({ features }: { features: string[] }): Html | null {
  if (features.length === 0) return null
  return (
    <div class="shop-width">
      <ul class="features plain" aria-label="With every plan">
        {features.map((feature) => (
          <li>
            <Check />
            <span>{feature}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** A picture of what a customer gets: an address and the stages that lead to it. */
function HeroSlip({ domain }: { domain: string }): Html {
  return (
    <div class="slip" aria-hidden="true">
      <p class="slip-address">
        <span class="slip-lock" />
        <strong>your-name</strong>.{domain}
      </p>
      <Rail>
        <RailItem state="done" title="Payment received" />
        <RailItem state="done" title="Server created" />
        <RailItem state="done" title="Name pointed" />
        <RailItem state="active" title="App starting" />
        <RailItem state="waiting" title="Ready" />
      </Rail>
    </div>
  )
}

function HowItWorks({ brand, domain, approval }: LandingProps): Html {
  return (
    <section class="band" id="how" aria-labelledby="how-title">
      <div class="shop-width section">
        <h2 id="how-title">How it works</h2>
        <ol class="steps plain">
          <Step number={1} title="Choose a plan and a name">
            Your site lives at <span class="nowrap">your-name.{domain}</span>. You see at once whether the
            name is free, and it is held for you while you pay.
          </Step>
          <Step number={2} title="Pay by card">
            Payment runs on Stripe’s own page; your card number never reaches us.
            {approval === 'manual' && ' We look at each order before we start its server.'}
          </Step>
          <Step number={3} title="Watch it come up">
            We create your server, point your name to it and start {brand.name}. You follow each step live,
            and an email brings you the address.
          </Step>
        </ol>
      </div>
    </section>
  )
}

function Step({ number, title, children }: { number: number; title: string; children: Child }): Html {
  return (
    <li class="step">
      <span class="step-number" aria-hidden="true">
        {number}
      </span>
      <h3>{title}</h3>
      <p>{children}</p>
    </li>
  )
}

function Reassurance({ brand }: LandingProps): Html {
  return (
    <section class="shop-width section" aria-labelledby="questions-title">
      <h2 id="questions-title">Good to know</h2>
      <div class="questions">
        <Question title="Is my data kept apart from others’?">
          Yes. You get a server of your own with its own secrets. No other customer’s site runs on it.
        </Question>
        <Question title="What happens if something goes wrong on the way?">
          Every step is recorded. If one fails we see it at once, with the reason, and carry on from there.
          Your name stays yours meanwhile.
        </Question>
        <Question title="What is in the price?">
          The server, the name and {brand.name} itself, at the limits of the plan. The price you see is what
          you pay each period.
        </Question>
      </div>
    </section>
  )
}

function Question({ title, children }: { title: string; children: Child }): Html {
  return (
    <div class="question">
      <h3>{title}</h3>
      <p>{children}</p>
    </div>
  )
}
