// Starts `dgm lsp` and hands it every .dgm file.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = async () => {
  const command = workspace.getConfiguration("dgm").get("command");
  client = new LanguageClient(
    "dgm",
    "DGM",
    { command, args: ["lsp"] },
    { documentSelector: [{ language: "dgm" }] },
  );
  await client.start();
};

exports.deactivate = () => client?.stop();
