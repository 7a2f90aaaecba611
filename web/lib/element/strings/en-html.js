/** The words around HTML mail, which are loaded with the first message of that kind. */
export default {
  "html.asText": "Plain text",
  "html.asHtml": "Formatted",
  "html.frame": "Formatted message",
  "html.images": {
    one: "{n} remote image was not loaded. Loading it could tell the sender that you read this.",
    other: "{n} remote images were not loaded. Loading them could tell the sender that you read this.",
  },
  "html.images.show": "Show images",
  "html.images.shown": { one: "{n} remote image is shown, for this message only.", other: "{n} remote images are shown, for this message only." },
  "html.images.insecure": {
    one: "{n} remote image stays blocked: it would come over a connection that others can read.",
    other: "{n} remote images stay blocked: they would come over a connection that others can read.",
  },
  "html.link": "Opens {url}",
  "html.link.other": "opens {host}",
  "html.intricate": "The formatting of this message is too intricate to be shown safely. This is its text.",
  "html.host.markup": "The page around this mailbox does not allow formatted mail to be shown. This is its text.",
  "html.host.styles": "The page around this mailbox does not allow styles in mail, so this message looks plainer than it was sent.",
  "html.host.inline": "The page around this mailbox does not allow images in mail, so those in this message are missing.",
  "html.host.remote": "The page around this mailbox does not allow remote images, so they stay blocked.",
};
