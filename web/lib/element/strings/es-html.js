/** The words around HTML mail in Spanish. */
export default {
  "html.asText": "Solo texto",
  "html.asHtml": "Con formato",
  "html.frame": "Mensaje con formato",
  "html.images": {
    one: "No se cargó {n} imagen remota. Cargarla podría indicar al remitente que usted leyó esto.",
    other: "No se cargaron {n} imágenes remotas. Cargarlas podría indicar al remitente que usted leyó esto.",
  },
  "html.images.show": "Mostrar imágenes",
  "html.images.shown": { one: "Se muestra {n} imagen remota, solo en este mensaje.", other: "Se muestran {n} imágenes remotas, solo en este mensaje." },
  "html.images.insecure": {
    one: "{n} imagen remota sigue bloqueada: llegaría por una conexión que otros pueden leer.",
    other: "{n} imágenes remotas siguen bloqueadas: llegarían por una conexión que otros pueden leer.",
  },
  "html.link": "Abre {url}",
  "html.link.other": "abre {host}",
  "html.intricate": "El formato de este mensaje es demasiado complejo para mostrarlo con seguridad. Este es su texto.",
  "html.host.markup": "La página que contiene este buzón no permite mostrar correo con formato. Este es su texto.",
  "html.host.styles": "La página que contiene este buzón no permite estilos en el correo, así que este mensaje se ve más sencillo de como se envió.",
  "html.host.inline": "La página que contiene este buzón no permite imágenes en el correo, así que faltan las de este mensaje.",
  "html.host.remote": "La página que contiene este buzón no permite imágenes remotas, así que siguen bloqueadas.",
};
