/** The words of delivery reports and of notices that a message was read. */
export default {
  "report.delivered": "Delivered to {who}.",
  "report.delayed": "Not yet delivered to {who}. The mail server goes on trying.",
  "report.failed": "Could not be delivered to {who}.",
  "report.relayed": "Passed on towards {who}. Nobody says whether it arrives from here on.",
  "report.expanded": "Passed on to the list {who}.",
  "report.displayed": "Shown to {who}.",
  "report.deleted": "Deleted by {who}, read or not.",
  "report.dispatched": "Passed on by {who}.",
  "report.processed": "Processed for {who}.",
  "report.denied": "{who} does not say what became of it.",
  "report.error": "Something went wrong with it for {who}.",
  "report.unknown": "Something is reported about it for {who}.",
  "report.somebody": "the recipient",
  "report.status": "Code {status}.",
  "report.more": { one: "And {n} more recipient.", other: "And {n} more recipients." },
};
