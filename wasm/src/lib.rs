//! The POP3 client that runs in a browser.
