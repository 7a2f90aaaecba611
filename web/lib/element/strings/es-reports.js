/** Las palabras de los informes de entrega y de lectura. */
export default {
  "report.delivered": "Entregado a {who}.",
  "report.delayed": "Aún no entregado a {who}. El servidor de correo sigue intentándolo.",
  "report.failed": "No se pudo entregar a {who}.",
  "report.relayed": "Transmitido hacia {who}. A partir de aquí nadie informa si llega.",
  "report.expanded": "Transmitido a la lista {who}.",
  "report.displayed": "Mostrado a {who}.",
  "report.deleted": "Eliminado por {who}, leído o no.",
  "report.dispatched": "Transmitido por {who}.",
  "report.processed": "Procesado para {who}.",
  "report.denied": "{who} no informa qué ocurrió con él.",
  "report.error": "Algo falló con él para {who}.",
  "report.unknown": "Se informa algo sobre él para {who}.",
  "report.somebody": "el destinatario",
  "report.status": "Código {status}.",
  "report.more": { one: "Y {n} destinatario más.", other: "Y {n} destinatarios más." },
};
