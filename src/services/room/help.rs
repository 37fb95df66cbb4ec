//! What `/help` lists.

pub(super) const HELP: &[&str] = &[
    "/nick NAME      take another name: letters, digits, _ and -, at most 32 bytes",
    "/who            who is here",
    "/msg NAME TEXT  tell one member alone, in whatever room",
    "/me TEXT        say what you do",
    "/join NAME      move to another room; it is made if there is none",
    "/rooms          which rooms there are",
    "/topic [TEXT]   what this room is about, or is to be about; - for nothing",
    "/away [TEXT]    tell who writes to you alone why you are away; without TEXT: be back",
    "/ignore [NAME]  hear no more of NAME, or do again; without NAME: of whom you hear nothing",
    "/help           this list",
    "/quit           leave",
    "//TEXT          say /TEXT",
];

pub(super) const OPERATORS_HELP: &[&str] = &[
    "/op PASSWORD    become an operator; only operators may do the rest",
    "/kick NAME [WHY]            end somebody's connection",
    "/ban NAME|ADDR[/64] [TIME]  keep somebody out, for 30s, 10m, 2h or for good",
    "/unban NAME|ADDR[/64]       let in again",
    "/bans                       who is kept out",
    "/mute NAME [TIME]           relay nothing that somebody says",
    "/unmute NAME                let speak again",
];
