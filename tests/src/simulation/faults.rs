//! What can go wrong, and how often it did.

use std::fmt::Write;

macro_rules! kinds {
    ($($kind:ident $text:literal,)*) => {
        /// Something that goes wrong or is odd. A schedule counts it where it has happened, not where it was meant to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $text] $kind,)*
        }

        impl Kind {
            /// All there are.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];

            /// In words.
            pub fn text(self) -> &'static str {
                match self {
                    $(Kind::$kind => $text,)*
                }
            }
        }
    };
}

kinds! {
    TabKilled "the tab is killed",
    KilledBeforeDurable "… while a commit was under way that never becomes durable",
    KilledAfterDurable "… while a commit was durable and the tab had not heard of it",
    KilledWithDeletions "… after DELE and before QUIT was sent",
    KilledSealed "… while what was sealed was not durable yet",
    KilledBeforeKey "… while a key was on its way that never becomes durable",
    KilledAfterKey "… while a key was durable and the tab had not heard of it",
    KilledRewrapping "… while a key for another password was on its way that never becomes durable",
    CommitFailed "a commit fails",
    QuotaHit "the disk is full",
    CommitDenied "a commit is durable and said to have failed",
    ReadFailed "the table cannot be read",
    SealFailed "sealing fails",
    CipherFailed "a key cannot be made or taken up, or something not be opened, for once",
    PasswordChanged "the account has another password",
    SealedDropped "everything that was sealed is dropped between two sessions",
    TableLost "everything that was kept is gone between two sessions",
    ConnectFailed "the relay cannot be reached",
    RelayGone "the relay is gone in mid-session",
    ServerDropped "the server drops in mid-answer",
    ServerSilent "the server says no more",
    Aborted "the session is aborted by a person",
    GreetingRefused "the greeting is a refusal",
    SignInRefused "the sign-in is refused",
    QuitLostCarriedOut "the answer to QUIT is lost, and QUIT was carried out",
    QuitLostIgnored "QUIT is lost with its answer",
    QuitRefusedAll "QUIT is refused, and nothing is deleted",
    QuitRefusedSome "QUIT is refused, and some are deleted",
    StatRefused "STAT is refused",
    ListRefused "LIST is refused",
    UidlRefused "UIDL is refused for once",
    TopRefused "TOP is refused",
    RetrRefused "RETR is refused",
    DeleRefused "DELE is refused",
    AnswerLeftOut "one answer is left out",
    QueuedThrownAway "queued commands are thrown away",
    StatZero "the maildrop seems empty for a moment",
    ListShort "UIDL is cut short, and STAT is not",
    Window "only some messages are listed, and STAT agrees",
    RemovedBetween "another client deletes between two sessions",
    RemovedDuring "another client deletes during a session",
    UidsChanged "the server gives every message another UID",
    // What follows is odd or inconvenient, and no fault.
    ArrivedBetween "new mail between two sessions",
    ArrivedDuring "new mail during a session",
    OtherTab "another tab takes the next session",
    TabLocked "a tab is locked between two sessions",
    WrongSecret "what is kept was sealed by another password than the account has",
    Unlocked "… and a person opens it",
    Rewrapped "a key is wrapped by the account's other password",
    DroppedFetched "what was dropped is retrieved again, as a person asks",
    Tampered "somebody without a key changes what is sealed",
    WishedBetween "a deletion is wished between two sessions",
    WishedHere "… in the tab of the session, during it",
    WishedElsewhere "… in another tab during a session",
    WishedByHeaders "… by a person who saw the headers only",
    UndoneBetween "a wish is undone between two sessions",
    UndoneHere "… in the tab of the session, during it",
    UndoneElsewhere "… in another tab during a session",
    UndoneTooLate "… when DELE and QUIT may be on their way",
    Twins "two messages with one UID",
    TiedTwins "… and one size",
    UidReused "the UID of a message that is gone names another",
    UidEmpty "an empty UID",
    NumbersWithGaps "numbers with gaps",
    NoBareUidl "no UIDL without a number",
    NoUidl "no UIDL at all",
    DeletedByPolicy "a policy deletes",
    NoPipelining "PIPELINING is not advertised",
    ListsDeleted "messages stay listed after DELE",
    SizesWrong "LIST counts line ends as one octet",
    DotsUnstuffed "a lone dot is sent as it is",
    LargeMessage "a message in several pieces",
}

/// How often each was met.
#[derive(Clone, Debug)]
pub struct Histogram([u64; Kind::ALL.len()]);

impl Default for Histogram {
    fn default() -> Self {
        Histogram([0; Kind::ALL.len()])
    }
}

impl Histogram {
    /// It has happened.
    pub fn met(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    /// Takes in another's counts.
    pub fn add(&mut self, other: &Histogram) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// All that are faults, together.
    pub fn faults(&self) -> u64 {
        self.0.iter().take(Kind::ArrivedBetween as usize).sum()
    }

    /// What never happened.
    pub fn never(&self) -> Vec<Kind> {
        Kind::ALL.iter().copied().filter(|kind| self.0[*kind as usize] == 0).collect()
    }

    /// One line each.
    pub fn text(&self) -> String {
        Kind::ALL.iter().fold(String::new(), |mut text, kind| {
            let _ = writeln!(text, "{:>10}  {}", self.0[*kind as usize], kind.text());
            text
        })
    }
}
