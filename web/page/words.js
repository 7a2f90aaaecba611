/** What the page around the element says, in each language that the element speaks. */
export const WORDS = {
  en: {
    "accounts.open": "Mailboxes",
    "accounts.add": "Add a mailbox",
    "accounts.none": "Not signed in",
    "accounts.locked": "Locked",
    "accounts.asks": "Needs your answer",
    "accounts.failed": "Needs a look",
    "accounts.news": "New: {n}",
    "accounts.others": "Something new in another mailbox",
  },
  es: {
    "accounts.open": "Buzones",
    "accounts.add": "Añadir un buzón",
    "accounts.none": "Sin sesión iniciada",
    "accounts.locked": "Bloqueado",
    "accounts.asks": "Espera su respuesta",
    "accounts.failed": "Requiere atención",
    "accounts.news": "Nuevos: {n}",
    "accounts.others": "Hay novedades en otro buzón",
  },
};
