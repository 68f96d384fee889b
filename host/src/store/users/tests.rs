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

async fn admit(store: &Store, id: i64, login: &str, door: Door, present: Option<UserId>) -> Option<User> {
    store.admit_github_user(profile(id, login), door, present).await.unwrap()
}

#[tokio::test]
async fn the_first_to_sign_in_owns_the_install_and_nobody_else_comes_in() {
    let folder = Folder::new();
    let store = folder.store();
    assert!(!store.has_users().await.unwrap());
    let first = admit(&store, 1, "ada", Door::OwnerOnly, None).await.expect("the first one");
    assert_eq!(first.account_id, store.first_account());
    assert_eq!((first.name.as_str(), first.email.as_deref()), ("ada", Some("ada@example.com")));
    assert!(store.has_users().await.unwrap());
    assert_eq!(admit(&store, 2, "bob", Door::OwnerOnly, None).await, None);
    let again = admit(&store, 1, "ada-2", Door::OwnerOnly, None).await.expect("the same person under a new login");
    assert_eq!((again.id, again.github.unwrap().login.as_str()), (first.id, "ada-2"));
}

#[tokio::test]
async fn behind_an_open_door_each_gets_an_account_of_its_own() {
    let folder = Folder::new();
    let store = folder.store();
    let first = admit(&store, 1, "ada", Door::Open, None).await.unwrap();
    let second = admit(&store, 2, "bob", Door::Open, None).await.unwrap();
    assert_eq!(first.account_id, store.first_account());
    assert_ne!(first.account_id, second.account_id);
    assert_eq!(store.account(second.account_id).await.unwrap().unwrap().name, "bob");
    assert_eq!(admit(&store, 2, "bob", Door::Open, None).await.unwrap().id, second.id);
    assert_eq!(admit(&store, 2, "bob", Door::OwnerOnly, None).await, None, "the door was closed since");
}

#[tokio::test]
async fn once_the_operator_came_by_a_link_only_they_can_bring_the_owners_github_login() {
    let folder = Folder::new();
    let store = folder.store();
    let operator = store.operator().await.unwrap();
    assert_eq!(store.operator().await.unwrap().id, operator.id);
    assert_eq!(admit(&store, 1, "eve", Door::OwnerOnly, None).await, None);
    assert_ne!(admit(&store, 1, "eve", Door::Open, None).await.unwrap().account_id, store.first_account());
    let now = admit(&store, 2, "ada", Door::OwnerOnly, Some(operator.id)).await.expect("signed in as the operator");
    assert_eq!((now.id, now.account_id), (operator.id, store.first_account()));
    assert_eq!(admit(&store, 3, "bob", Door::OwnerOnly, Some(operator.id)).await, None, "that login is taken");
    assert_eq!(store.operator().await.unwrap().github.unwrap().login, "ada");
}

#[tokio::test]
async fn of_many_who_come_first_at_once_one_is_the_owner() {
    let folder = Folder::new();
    let store = folder.store();
    let all = (1..=20).map(|id| admit(&store, id, "somebody", Door::OwnerOnly, None));
    let admitted: Vec<User> = futures_util::future::join_all(all).await.into_iter().flatten().collect();
    assert_eq!(admitted.len(), 1);
    assert_eq!(admitted[0].account_id, store.first_account());
}
