//! What the private Dovecot is told.

use std::path::Path;

use crate::account::Account;
use crate::port::Port;

use super::{EVERYBODY, Options, PASSWORDS};

/// What Dovecot is told.
pub(super) struct Configuration<'a> {
    pub(super) dir: &'a Path,
    pub(super) account: &'a Account,
    pub(super) pop3s: &'a Port,
    pub(super) pop3: &'a Port,
    pub(super) options: &'a Options,
}

impl Configuration<'_> {
    pub(super) fn text(&self) -> String {
        let Configuration { dir, account, pop3s, pop3, options } = self;
        let (dir, Account { user, group, .. }) = (dir.display(), account);
        let rawlog = if options.rawlog { format!("rawlog_dir = {dir}/rawlog") } else { String::new() };
        // Everything runs as one ordinary account, so nothing may be chrooted. A wrong password is answered without delay.
        format!(
            r#"base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
instance_name = poplar-tests
protocols = pop3
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
ssl = yes
ssl_cert = <{dir}/certificate.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_plugins =
mail_fsync = never
mail_max_userip_connections = 0
passdb {{
  driver = passwd-file
  args = username_format={EVERYBODY} {dir}/{PASSWORDS}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={dir}/mail/%u allow_all_users=yes
}}
protocol pop3 {{
  pop3_logout_format = top=%t/%p, retr=%r/%b, del=%d/%m, size=%s
  pop3_uidl_format = {uidl_format}
  {rawlog}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
{extra}
"#,
            pop3 = pop3.number(),
            pop3s = pop3s.number(),
            uidl_format = options.uidl_format,
            extra = options.extra,
        )
    }
}
