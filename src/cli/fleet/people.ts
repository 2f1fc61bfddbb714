/** A made-up customer: always the same one at the same place in line. */
export type Person = { name: string; subdomain: string; email: string }

// Names from many places, as ASCII letters so that they fit into a subdomain.
const FIRST = `
  Ada Adil Aiko Alba Amara Amelia Anders Anika Antonia Ari Asha Astrid Aurora Beatriz Bela Bo Bruno Caleb Camille
  Carmen Cecilia Chidi Chloe Dalia Daniel Delia Diego Edda Elena Eli Elif Emeka Emil Esra Esther Ewa Farah Felix Fiona
  Freya Gideon Greta Hana Hanna Hugo Ida Ilse Imani Ines Ingrid Isaac Ivo Jamal Jana Jasper Joana Jonas Juno Kaya Kenji
  Kira Kofi Lars Layla Leon Lidia Lina Linus Luisa Mads Magda Maia Malik Manuel Mara Marek Matteo Maya Mei Mila Mina
  Miro Nadia Naomi Nia Nico Nils Noor Oda Olga Oskar Otto Paula Petra Priya Quentin Rafael Rania Rosa Ruben Runa Sami
  Sana Selma Silas Sofia Soren Suki Tamar Tariq Theo Tilda Uma Vera Viktor Yara Yusuf Zara Zoe`
  .trim()
  .split(/\s+/)

const LAST = `
  Abbott Adeyemi Aguilar Ahmed Almeida Amin Andersen Aoki Asante Avila Bakker Banerjee Barros Becker Bell Berg Bianchi
  Blake Bloom Boateng Bose Brandt Byrne Campos Castro Chen Choi Costa Dahl Dalton Danso Diaz Doyle Duarte Dubois Dunn
  Eriksen Esposito Evans Fabre Falk Farid Faulkner Fischer Flores Fonseca Frank Fuchs Fujita Gallo Garcia Gupta Haas
  Haddad Hahn Halonen Hassan Hayes Hill Hoffman Horvat Huang Ito Jansen Jensen Joshi Kaplan Karim Kato Kaur Keller Khan
  Kim Klein Kovac Kowalski Lang Larsen Lee Lima Lopez Lund Madsen Mansour Marino Mehta Meyer Moreau Moretti Mori
  Nakamura Nielsen Novak Obi Okafor Olsen Osei Park Patel Pereira Petit Popov Quinn Ramos Rao Reyes Ricci Rossi Roy Saar
  Saito Santos Sato Silva Singh Suzuki Tan Torres Vogel Wagner Weber Wolf Yamada Zhang`
  .trim()
  .split(/\s+/)

const MAILS = ['example.com', 'example.net', 'example.org']

// Prime and larger than either list, so that the walk meets every pair once and neighbours share no name.
const STRIDE = 7_919

export const PEOPLE_MAX = FIRST.length * LAST.length

/** The people in line, from the first to the last. */
export function* people(): Generator<Person> {
  for (let place = 0; place < PEOPLE_MAX; place++) {
    const pair = (place * STRIDE) % PEOPLE_MAX
    const first = FIRST[pair % FIRST.length] ?? ''
    const last = LAST[Math.floor(pair / FIRST.length)] ?? ''
    const [one, other] = [first.toLowerCase(), last.toLowerCase()]
    const email = `${one}.${other}@${MAILS[pair % MAILS.length]}`
    yield { name: `${first} ${last}`, subdomain: `${one}-${other}`, email }
  }
}
