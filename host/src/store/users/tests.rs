use super::*;
use crate::store::tests::Folder;

fn profile(id: i64, login: &str) -> GithubProfile {
    GithubProfile {
        github: GithubUser { id, login: login.to_owned(), org: None },
        name: None,
        email: Some(format!("{login}@example.com")),
        avatar_url: None,
    }
}

async fn admit(store: &Store, id: i64, login: &str, door: SignInPath) -> Option<User> {
    store.admit_github_user(profile(id, login), door).await.unwrap()
}

#[tokio::test]
async fn the_first_to_sign_in_owns_the_install_and_nobody_else_comes_in() {
    let folder = Folder::new();
    let store = folder.store();
    assert!(!store.has_users().await.unwrap());
    let first = admit(&store, 1, "ada", SignInPath::OwnerOnly).await.expect("the first one");
    assert_eq!(first.account_id, store.first_account());
    assert_eq!((first.name.as_str(), first.email.as_deref()), ("ada", Some("ada@example.com")));
    assert!(store.has_users().await.unwrap());
    assert_eq!(admit(&store, 2, "bob", SignInPath::OwnerOnly).await, None);
    let again = admit(&store, 1, "ada-2", SignInPath::OwnerOnly).await.expect("the same person under a new login");
    assert_eq!((again.id, again.github.unwrap().login.as_str()), (first.id, "ada-2"));
}

#[tokio::test]
async fn behind_an_open_door_each_gets_an_account_of_its_own() {
    let folder = Folder::new();
    let store = folder.store();
    let first = admit(&store, 1, "ada", SignInPath::Open).await.unwrap();
    let second = admit(&store, 2, "bob", SignInPath::Open).await.unwrap();
    assert_eq!(first.account_id, store.first_account());
    assert_ne!(first.account_id, second.account_id);
    assert_eq!(store.account(second.account_id).await.unwrap().unwrap().name, "bob");
    assert_eq!(admit(&store, 2, "bob", SignInPath::Open).await.unwrap().id, second.id);
    assert_eq!(admit(&store, 2, "bob", SignInPath::OwnerOnly).await, None, "sign-in is restricted to the owner now");
}

#[tokio::test]
async fn nobody_becomes_the_operator_by_signing_in_and_a_login_is_linked_once() {
    let folder = Folder::new();
    let store = folder.store();
    let operator = store.operator().await.unwrap();
    assert_eq!(store.operator().await.unwrap().id, operator.id);
    assert_eq!(admit(&store, 1, "eve", SignInPath::OwnerOnly).await, None);
    assert_ne!(admit(&store, 1, "eve", SignInPath::Open).await.unwrap().account_id, store.first_account());
    let link = async |id, login| store.link_github_user(operator.id, profile(id, login)).await.unwrap();
    assert!(!link(1, "eve").await, "that id is linked to another user");
    assert!(link(2, "ada").await);
    assert!(!link(3, "bob").await, "the operator has a login");
    let now = admit(&store, 2, "ada", SignInPath::OwnerOnly).await.expect("the operator's own login");
    assert_eq!((now.id, now.account_id), (operator.id, store.first_account()));
    assert_eq!(store.operator().await.unwrap().github.unwrap().login, "ada");
    assert!(!store.link_github_user(UserId::generate(), profile(4, "x")).await.unwrap(), "nobody");
}

#[tokio::test]
async fn of_many_who_come_first_at_once_one_is_the_owner() {
    let folder = Folder::new();
    let store = folder.store();
    let all = (1..=20).map(|id| admit(&store, id, "somebody", SignInPath::OwnerOnly));
    let admitted: Vec<User> = futures_util::future::join_all(all).await.into_iter().flatten().collect();
    assert_eq!(admitted.len(), 1);
    assert_eq!(admitted[0].account_id, store.first_account());
}
